"""Looking at what training needs and leaves: runs, and the clips of a dataset, the doubtful ones first."""

import math
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Response

from locutor.api.deps import Served, allow
from locutor.api.routes.training import tasks
from locutor.api.routes.training_datasets import store
from locutor.api.schemas.common import Id, Message, refusals
from locutor.api.schemas.review import ClipOut, ClipPage, ClipPatch, Histogram, MakeIn, RunOut, Runs
from locutor.api.schemas.training import TaskStarted
from locutor.audio import io
from locutor.auth.scopes import Scope
from locutor.datasets import Clip, Dataset, clip_sound, edit_clip, read_edits
from locutor.errors import NotFoundError
from locutor.runs.dataset_tasks import MAKE

router = APIRouter(prefix="/training", tags=["Training"], dependencies=[Depends(allow(Scope.TRAIN))])

Folder = Annotated[str, Query(max_length=64, description="Name of a dataset.")]
_BINS = 24


@router.get("/runs", response_model=Runs, responses=refusals(), summary="Runs, the newest first")
def runs(served: Served) -> Runs:
    supervisor = tasks(served)
    found = [RunOut.of(folder, supervisor.job(folder.path.name)) for folder in supervisor.catalog.list()]
    return Runs(runs=sorted(found, key=_told_at, reverse=True))


@router.post("/dataset/make", response_model=TaskStarted, responses=refusals(404, 507), summary="All steps in a row")
def make(body: MakeIn, served: Served) -> TaskStarted:
    """Cut, write down, filter and build; what is done already is not done again."""
    dataset = store(served).get(body.folder)
    params: dict[str, Any] = {"dataset": dataset.name, "min_s": body.min_duration, "max_s": body.max_duration}
    job = served.stores.jobs.submit(MAKE, params, max_attempts=1, ttl_s=served.job_ttl_s)
    return TaskStarted.of(job, dataset.name)


@router.delete(
    "/datasets/{name}", response_model=Message, responses=refusals(404, 409, 507), summary="Delete a dataset"
)
def delete(name: Id, served: Served) -> Message:
    """With its recordings and everything that was made of them."""
    store(served).remove(name)
    return Message(message=f"dataset {name} is deleted")


@router.get("/dataset/clips", response_model=ClipPage, responses=refusals(404), summary="Clips, the worst first")
def clips(
    served: Served,
    name: Folder,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    kept: Annotated[bool | None, Query(description="Only those that are kept, or that are left out.")] = None,
    q: Annotated[str, Query(max_length=200, description="A piece of the transcript.")] = "",
) -> ClipPage:
    """Ranked by how far they are beyond a limit, then by how much of the text was heard differently, then by noise."""
    dataset = store(served).get(name)
    shown = _all(dataset)
    wanted = [clip for clip in shown if (kept is None or clip.kept == kept) and q.casefold() in clip.text.casefold()]
    lengths, noise = [clip.duration_s for clip in shown], [clip.snr_db for clip in shown if clip.snr_db is not None]
    return ClipPage(
        total=len(wanted), clips=wanted[offset : offset + limit], lengths=_histogram(lengths), noise=_histogram(noise)
    )


@router.patch(
    "/dataset/clips/{clip_id}", response_model=ClipOut, responses=refusals(404, 507), summary="Decide about a clip"
)
def change(clip_id: Id, name: Folder, body: ClipPatch, served: Served) -> ClipOut:
    """Another text, or in or out whatever its figures; it counts at the next build, and at every one after."""
    dataset = store(served).get(name)
    edit_clip(dataset, clip_id, text=body.text, keep=body.kept)
    return next(clip for clip in _all(dataset) if clip.id == clip_id)


@router.get(
    "/dataset/{folder}/clips/{clip_id}",
    response_class=Response,
    responses={200: {"description": "The clip.", "content": {"audio/wav": {}}}, **refusals(404)},
    summary="Play a clip",
)
def audio(folder: Id, clip_id: Id, served: Served) -> Response:
    """As it was cut from its recording, also before the dataset is built."""
    dataset = store(served).get(folder)
    for clip in dataset.newest_clips():
        if clip.id == clip_id:
            return Response(io.encode(clip_sound(dataset, clip), "wav"), media_type="audio/wav")
    raise NotFoundError(f"no clip of dataset {folder!r} is called {clip_id!r}")


def _told_at(run: RunOut) -> tuple[float, str]:
    """When it said something last; runs that wait for their turn have said nothing yet and count as the newest."""
    return run.updated_at.timestamp() if run.updated_at else math.inf, run.model_name


def _all(dataset: Dataset) -> list[ClipOut]:
    """Every clip with the decisions made by hand, the worst first."""
    edits = read_edits(dataset)
    return [ClipOut.of(dataset.name, clip, edits.get(clip.id)) for clip in sorted(dataset.newest_clips(), key=_rank)]


def _rank(clip: Clip) -> tuple[float, float, float, str]:
    severity = max((problem.severity for problem in clip.problems), default=-1.0)
    differs = clip.heard.cer if clip.heard and clip.heard.cer is not None else 0.0
    return -severity, -differs, clip.measures.snr_db if clip.measures else 0.0, clip.id


def _histogram(values: list[float]) -> Histogram:
    if not values:
        return Histogram(edges=[], counts=[])
    counts, edges = np.histogram(values, bins=min(_BINS, max(4, len(values))))
    return Histogram(edges=[round(float(edge), 3) for edge in edges], counts=[int(count) for count in counts])
