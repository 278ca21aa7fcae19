"""Runs: started, stopped, watched; their saved models and samples."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse, StreamingResponse

from locutor.api.deps import Context, Served, allow
from locutor.api.files import disposition
from locutor.api.schemas.common import EVENT, Id, Responses, refusals
from locutor.api.schemas.training import (
    CheckpointOut,
    Compared,
    Loaded,
    Logs,
    Promoted,
    PromoteIn,
    RunName,
    SampleOut,
    TrainingIn,
    TrainingStarted,
    TrainingStatus,
    TrainingStopped,
)
from locutor.auth.scopes import Scope
from locutor.errors import NotFoundError
from locutor.jobs.model import Job
from locutor.runs.open import run_config, run_tasks
from locutor.runs.speech import COMPARE
from locutor.runs.supervise import RunTasks
from locutor.runs.verdict import measured, verdict_of
from locutor.training.run_folder import RunFolder

router = APIRouter(prefix="/training", tags=["Training"], dependencies=[Depends(allow(Scope.TRAIN))])

ModelName = Annotated[str | None, Query(max_length=40, description="A run; else the newest.")]
_LOG_LINES = 50
_POLL_S, _ALIVE_S = 0.5, 15.0
_STREAM: Responses = {
    200: {
        "description": "Events `log` with a line each, `status` with a TrainingStatus when the run is over.",
        "content": {"text/event-stream": EVENT},
    }
}


def tasks(served: Context) -> RunTasks:
    return run_tasks(served.settings, served.stores)


@router.post("/start", response_model=TrainingStarted, responses=refusals(404, 409, 507), summary="Teach a voice")
def start(body: TrainingIn, served: Served) -> TrainingStarted:
    """A process of its own does the work; it goes on when the service is restarted."""
    values = body.model_dump(exclude={"dataset_folder", "use_deepspeed"}) | {"dataset": body.dataset_folder}
    served.stores.checkpoints.card(body.base)
    job = tasks(served).start(run_config(served.settings, values))
    return _started(job, body.model_name)


@router.post("/resume", response_model=TrainingStarted, responses=refusals(404), summary="Go on with a run")
def resume(body: RunName, served: Served) -> TrainingStarted:
    """Exactly where it was saved last."""
    return _started(tasks(served).resume(body.model_name), body.model_name)


@router.post("/stop", response_model=TrainingStopped, responses=refusals(404), summary="Stop a run")
def stop(served: Served, model_name: ModelName = None) -> TrainingStopped:
    runs = tasks(served)
    name = model_name or runs.newest()
    if name is None or (runs.job(name, live=True) is None and not runs.catalog.get(name).is_alive()):
        return TrainingStopped(status="idle", model_name=name)
    runs.stop(name)
    return TrainingStopped(status="stopped", model_name=name)


@router.get("/status", response_model=TrainingStatus, responses=refusals(404), summary="Where a run stands")
def status(served: Served, model_name: ModelName = None) -> TrainingStatus:
    return _status(tasks(served), model_name)


@router.get("/logs", response_model=Logs, responses=refusals(404), summary="What a run has measured")
def logs(
    served: Served, model_name: ModelName = None, limit: Annotated[int, Query(ge=1, le=100_000)] = _LOG_LINES
) -> Logs:
    runs = tasks(served)
    name = model_name or runs.newest()
    return Logs(logs="\n".join(_lines(runs.catalog.get(name))[-limit:]) if name else "")


@router.get(
    "/logs/stream", response_class=StreamingResponse, responses=_STREAM | refusals(404), summary="The same, as it comes"
)
async def stream(
    served: Served, model_name: ModelName = None, timeout: Annotated[float, Query(ge=0, le=86_400)] = 86_400
) -> Response:
    """Server-sent events; the stream ends with the run."""
    runs = tasks(served)
    name = model_name or await run_sync(runs.newest)
    if name is None:
        raise NotFoundError("there is no training run yet")
    folder = await run_sync(runs.catalog.get, name)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(runs, folder, timeout), media_type="text/event-stream", headers=headers)


@router.get(
    "/checkpoints", response_model=list[CheckpointOut], responses=refusals(404), summary="Saved models, newest first"
)
def checkpoints(served: Served, model_name: Annotated[str | None, Query(max_length=40)] = None) -> list[CheckpointOut]:
    found = tasks(served).catalog.models(model_name)
    judged = measured(found)
    figures = {model.id: judgement.figures for model, judgement in judged}
    best = {run: verdict_of([pair for pair in judged if pair[0].run == run]) for run in {m.run for m in found}}
    shown = []
    for model in found:
        verdict = best[model.run]
        why = verdict.why if verdict and verdict.name == model.name else None
        shown.append(CheckpointOut.of(model, figures.get(model.id), why))
    return shown


@router.post("/checkpoints/compare", response_model=Compared, responses=refusals(404, 507), summary="Measure all")
def compare(body: RunName, served: Served) -> Compared:
    """Queues a job that measures the base and every saved model that was not measured yet, on the same held-out texts;
    its result says which is best and why."""
    run = tasks(served).catalog.get(body.model_name)
    params = {"run": run.path.name, "n_texts": run.config().evaluated_texts}
    return Compared(job_id=served.stores.jobs.submit(COMPARE, params, ttl_s=served.job_ttl_s).id)


@router.post("/checkpoints/load", response_model=Loaded, responses=refusals(404, 503, 507), summary="Load one")
def load(
    served: Served, checkpoint_path: Annotated[str, Query(max_length=120, description="Its `path`: RUN/NAME.")]
) -> Loaded:
    """Bring a saved model into memory, to be ready at once."""
    model = tasks(served).catalog.model(checkpoint_path)
    if model.facts is None:
        raise NotFoundError(f"{model.id} is a bare weights file and speaks only through /training/inference")
    served.speech.load(model.id)
    return Loaded(checkpoint=model.id)


@router.post("/checkpoints/promote", response_model=Promoted, responses=refusals(404, 409, 507), summary="Promote one")
def promote(body: PromoteIn, served: Served) -> Promoted:
    """It becomes a model of the installation, usable at once in every request."""
    return Promoted(model=tasks(served).catalog.promote(body.checkpoint, body.name))


@router.get("/samples", response_model=list[SampleOut], responses=refusals(404), summary="Samples, newest first")
def samples(served: Served, model_name: ModelName = None) -> list[SampleOut]:
    runs = tasks(served)
    name = model_name or runs.newest()
    return [SampleOut.of(sample) for sample in runs.catalog.samples(name)] if name else []


@router.get("/samples/{run}/{filename}", response_class=FileResponse, responses=refusals(404), summary="Play a sample")
def sample(run: Id, filename: Id, served: Served) -> FileResponse:
    found = tasks(served).catalog.samples(run)
    files = {path.name: path for one in found for path in (one.path, one.reference)}
    if filename not in files:
        raise NotFoundError(f"run {run!r} has no sample {filename!r}")
    headers = {"Content-Disposition": disposition("inline", f"{run}_{filename}"), "Cache-Control": "no-cache"}
    return FileResponse(files[filename], media_type="audio/wav", headers=headers)


def _started(job: Job, run: str) -> TrainingStarted:
    return TrainingStarted(model_name=run, output_folder=run, job_id=job.id)


def _status(runs: RunTasks, model_name: str | None) -> TrainingStatus:
    name = model_name or runs.newest()
    if name is None:
        return TrainingStatus(state="idle")
    folder, job = runs.catalog.get(name), runs.job(name)
    now = asdict(folder.status())
    known = {key: now[key] for key in TrainingStatus.model_fields if key in now and key != "state"}
    state: Literal["idle", "running", "completed", "failed", "stopped"] = (
        "running" if now["state"] in ("preparing", "running") else now["state"]
    )
    if job is not None and not job.status.is_final and state != "running":
        state, known["message"] = "running", "waits for its turn"
    logs = "\n".join(_lines(folder)[-_LOG_LINES:])
    return TrainingStatus(state=state, model_name=name, job_id=job.id if job else None, logs=logs, **known)


def _lines(folder: RunFolder) -> list[str]:
    return [json.dumps(row) for row in folder.log()]


async def _events(runs: RunTasks, folder: RunFolder, timeout_s: float) -> AsyncIterator[str]:
    end, said_at, n_sent = time.monotonic() + timeout_s, time.monotonic(), 0
    yield "retry: 2000\n\n"
    while True:
        now = await run_sync(_status, runs, folder.path.name)
        lines = await run_sync(_lines, folder)
        n_sent = min(n_sent, len(lines))  # a resumed run has taken some back
        for line in lines[n_sent:]:
            said_at = time.monotonic()
            yield f"event: log\ndata: {line}\n\n"
        n_sent = len(lines)
        if now.state != "running" or time.monotonic() >= end:
            yield f"event: status\ndata: {now.model_dump_json(exclude={'logs'})}\n\n"
            return
        if time.monotonic() - said_at > _ALIVE_S:
            said_at = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_POLL_S)
