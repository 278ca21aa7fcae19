"""Figures, cleaning up, and models in memory."""

import shutil
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from locutor.api.deps import Context, Served, allow
from locutor.api.schemas.common import Id, refusals
from locutor.api.schemas.info import (
    CleanupOut,
    FileStats,
    JobCounts,
    ModelLoaded,
    SpeechStats,
    StatsOut,
    VoiceCounts,
)
from locutor.auth.scopes import Scope
from locutor.errors import ConflictError, NotFoundError
from locutor.jobs.model import Job
from locutor.storage.database import now
from locutor.voices.store import LIBRARY, SPEAKER

router = APIRouter(prefix="/admin", tags=["Administration"], dependencies=[Depends(allow(Scope.ADMIN))])

_PAGE = 500


@router.get("/stats", response_model=StatsOut, responses=refusals(), summary="Figures")
def stats(served: Served) -> StatsOut:
    stores, status = served.stores, served.speech.status()
    counts = {state.value: n for state, n in stores.jobs.counts().items()}
    voices, records = stores.voices.list(), stores.voices.records()
    n_library, n_speakers = (sum(v.kind == kind for v in voices) for kind in (LIBRARY, SPEAKER))
    return StatsOut(
        jobs=JobCounts(total=sum(counts.values()), **counts),
        voice_profiles=VoiceCounts(
            total=len(voices),
            library=n_library,
            presets_and_folders=len(voices) - n_library - n_speakers,
            speakers=n_speakers,
            total_usage=sum(record.usage_count for record in records),
        ),
        cache=FileStats(
            files_count=stores.artefacts.n_files(),
            total_size_mb=round(stores.artefacts.n_bytes() / (1 << 20), 2),
            free_bytes=shutil.disk_usage(served.settings.data_dir).free,
        ),
        speech=SpeechStats(
            waiting=status.waiting,
            running=status.running,
            capacity=status.capacity,
            workers=status.workers,
            models=[state.model for state in status.models],
        ),
    )


@router.post("/cleanup", response_model=CleanupOut, responses=refusals(507), summary="Delete old jobs")
def cleanup(
    served: Served,
    deep: Annotated[bool, Query(description="All ended jobs, not only those whose time is over.")] = False,
    confirm: Annotated[bool, Query(description="false: only say what would be deleted.")] = False,
) -> CleanupOut:
    """Jobs and their audio. Voices are never deleted here."""
    found = [job for job in _ended(served) if deep or (job.expires_at is not None and job.expires_at < now())]
    files = [file for job in found for file in served.stores.artefacts.owned_by(f"job:{job.id}")]
    n_bytes = sum(file.n_bytes for file in files)
    n_jobs = f"{len(found)} job{'' if len(found) == 1 else 's'}"
    what = f"{n_jobs} with {len(files)} files, {n_bytes / (1 << 20):.1f} MiB"
    if not confirm:
        message = f"this would delete {what}; ask with confirm=true to do it"
        return CleanupOut(
            deleted=False, message=message, jobs=[job.id for job in found], n_files=len(files), n_bytes=n_bytes
        )
    deleted = [job.id for job in found if _delete(served, job)]
    served.stores.artefacts.sweep()
    return CleanupOut(deleted=True, message=f"deleted {what}", jobs=deleted, n_files=len(files), n_bytes=n_bytes)


def _ended(served: Context) -> list[Job]:
    jobs, n_jobs = served.stores.jobs, served.stores.jobs.count()
    pages = (jobs.list(limit=_PAGE, offset=start) for start in range(0, n_jobs, _PAGE))
    return [job for page in pages for job in page if job.status.is_final]


def _delete(served: Context, job: Job) -> bool:
    """False when somebody else deleted or retried it meanwhile."""
    try:
        served.stores.jobs.delete(job.id)
    except (NotFoundError, ConflictError):
        return False
    return True


@router.post(
    "/models/{model_id}/load",
    response_model=ModelLoaded,
    responses=refusals(404, 409, 503, 507),
    summary="Bring a model into memory and keep it there",
)
def load(model_id: Id, served: Served) -> ModelLoaded:
    served.speech.load(served.stores.checkpoints.card(model_id).id)
    return ModelLoaded(model=model_id, loaded=True)


@router.post(
    "/models/{model_id}/unload",
    response_model=ModelLoaded,
    responses=refusals(404, 409, 503),
    summary="Give a model's memory back",
)
def unload(model_id: Id, served: Served) -> ModelLoaded:
    served.speech.unload(served.stores.checkpoints.card(model_id).id)
    return ModelLoaded(model=model_id, loaded=False)
