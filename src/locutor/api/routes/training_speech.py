"""What saved models say: one clip, or two models side by side with what was measured."""

from typing import Literal

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from locutor.api.deps import Context, Served, allow
from locutor.api.errors import ApiError
from locutor.api.files import audio_file
from locutor.api.routes.training import tasks
from locutor.api.schemas.common import Id, refusals
from locutor.api.schemas.training import AbTestIn, AbTestOut, InferenceIn, InferenceOut
from locutor.auth.scopes import Scope
from locutor.errors import NotFoundError
from locutor.jobs.model import Job
from locutor.runs.appraise import BASE
from locutor.runs.speech import AB_TEST, SPEAK

router = APIRouter(prefix="/training/inference", tags=["Training"], dependencies=[Depends(allow(Scope.TRAIN))])


@router.post("/synthesize", response_model=InferenceOut, responses=refusals(404, 507), summary="Let one speak")
def synthesize(body: InferenceIn, served: Served) -> InferenceOut:
    """Queues a job; audio_url plays when it is done. In the voice of the run unless speaker_wav names another."""
    if body.speaker_wav is not None:
        served.stores.voices.get(body.speaker_wav)
    params = {
        "checkpoint": known(served, body.checkpoint),
        "text": body.text,
        "voice": body.speaker_wav,
        "speed": body.speed,
        "seed": body.seed,
    }
    job = served.stores.jobs.submit(SPEAK, params, ttl_s=served.job_ttl_s)
    return InferenceOut(status=job.status, job_id=job.id, audio_url=f"/jobs/{job.id}/audio", text=body.text)


@router.post("/ab-test", response_model=AbTestOut, responses=refusals(404, 507), summary="Let two speak, and measure")
def ab_test(body: AbTestIn, served: Served) -> AbTestOut:
    """Queues a job; ask GET /training/inference/ab-test/{job_id} for what it measured."""
    run = body.checkpoint.partition("/")[0]
    params = {
        "a": known(served, body.base or f"{run}/{BASE}"),
        "b": known(served, body.checkpoint),
        "text": body.text,
        "seed": body.seed,
    }
    return AbTestOut.of(served.stores.jobs.submit(AB_TEST, params, ttl_s=served.job_ttl_s))


@router.get("/ab-test/{job_id}", response_model=AbTestOut, responses=refusals(404), summary="What was measured")
def ab_result(job_id: Id, served: Served) -> AbTestOut:
    return AbTestOut.of(_ab_job(served, job_id))


@router.get(
    "/ab-test/{job_id}/{side}",
    response_class=FileResponse,
    responses=refusals(404, 425),
    summary="Play one of the two clips",
)
def ab_clip(job_id: Id, side: Literal["base", "finetuned"], served: Served) -> FileResponse:
    job = _ab_job(served, job_id)
    name = "a" if side == "base" else "b"
    if name not in job.outputs:
        raise ApiError(425, "NotReadyError", f"job {job_id} is {job.status}; wait for it")
    return audio_file(served, job.outputs[name])


def known(served: Context, checkpoint: str) -> str:
    """The checkpoint's own id; RUN/model_best becomes the model it stands for. Raises NotFoundError."""
    catalog = tasks(served).catalog
    run, _, name = checkpoint.partition("/")
    catalog.get(run)
    return checkpoint if name == BASE else catalog.model(checkpoint).id


def _ab_job(served: Context, job_id: str) -> Job:
    job = served.stores.jobs.get(job_id)
    if job.kind != AB_TEST:
        raise NotFoundError(f"job {job_id!r} is no A/B test")
    return job
