"""Which scope each kind of job takes: the one that queues it is asked for to stop, repeat or delete it, too."""

from typing import Annotated

from fastapi import Depends

from locutor import pulls, tasks
from locutor.api.deps import Served, caller, check_scope
from locutor.api.schemas.common import Id
from locutor.auth.scopes import Caller, Scope
from locutor.runs import dataset_tasks, speech, supervise

SCOPES: dict[str, Scope] = {
    tasks.SYNTHESIZE: Scope.SPEAK,
    tasks.SYNTHESIZE_BATCH: Scope.SPEAK,
    tasks.CLONE_VOICE: Scope.VOICES,
    supervise.TRAIN: Scope.TRAIN,
    speech.SPEAK: Scope.TRAIN,
    speech.AB_TEST: Scope.TRAIN,
    speech.COMPARE: Scope.TRAIN,
    dataset_tasks.DOWNLOAD: Scope.TRAIN,
    dataset_tasks.UPLOAD: Scope.TRAIN,
    dataset_tasks.SEGMENT: Scope.TRAIN,
    dataset_tasks.TRANSCRIBE: Scope.TRAIN,
    dataset_tasks.BUILD: Scope.TRAIN,
    dataset_tasks.MAKE: Scope.TRAIN,
    pulls.KIND: Scope.ADMIN,
}


def may_change(job_id: Id, served: Served, found: Annotated[Caller, Depends(caller)]) -> None:
    """A dependency that lets only callers pass who may queue a job of this kind; NotFoundError without the job."""
    kind = served.stores.jobs.get(job_id).kind
    check_scope(found, SCOPES.get(kind, Scope.ADMIN))  # what a newer Locutor queued is not known here
