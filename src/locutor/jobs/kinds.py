"""Kinds of jobs by name, and what a running one is given."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

from locutor.errors import CancelledError, LocutorError, OptionError, QueueFullError, StorageError, WorkerError
from locutor.jobs.model import Job, JobOutcome
from locutor.jobs.store import JobStore, Lease
from locutor.storage.artefacts import Staged
from locutor.storage.database import now

PROGRESS_EVERY_S = 0.2
RETRIED: tuple[type[LocutorError], ...] = (QueueFullError, WorkerError, StorageError)


@dataclass
class JobContext:
    """What a kind's function is given. cancelled: set within a quarter of a second of a request to stop; long work
    looks at it often, or calls `progress`, which raises CancelledError."""

    job: Job
    lease: Lease
    store: JobStore
    cancelled: threading.Event = field(default_factory=threading.Event)
    staged: list[Staged] = field(default_factory=list)
    _told_at: float = 0.0

    def progress(self, done: float, total: float, message: str = "") -> None:
        """done of total are done; stored at most five times a second. Raises CancelledError."""
        self.check()
        if now() - self._told_at >= PROGRESS_EVERY_S:
            self._told_at = now()
            self.store.progress(self.lease, 100.0 * done / max(total, 1e-9), message)

    def check(self) -> None:
        """Raises CancelledError when the job was asked to stop."""
        if self.cancelled.is_set():
            raise CancelledError(f"job {self.job.id} was cancelled")

    def stage(self, data: bytes | BinaryIO, *, filename: str, media_type: str) -> Staged:
        """A file for JobOutcome.outputs; it is thrown away unless the job completes with it."""
        self.staged.append(self.store.artefacts.stage(data, filename=filename, media_type=media_type))
        return self.staged[-1]

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder to work in, removed afterwards."""
        return self.store.artefacts.scratch()


RunJob: TypeAlias = Callable[[JobContext], JobOutcome]


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """run: does the work; a LocutorError it raises is the job's error, those of `retried` queue the job again.

    lane: kinds of one lane share the runner's slots of that lane, so long trainings do not keep speech waiting.
    """

    name: str
    run: RunJob
    lane: str = "speech"
    retried: tuple[type[LocutorError], ...] = RETRIED


class JobKinds:
    """Name -> kind."""

    def __init__(self, *kinds: JobKind) -> None:
        self._kinds: dict[str, JobKind] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: JobKind) -> None:
        """Raises OptionError when the name is taken."""
        if kind.name in self._kinds:
            raise OptionError(f"two kinds of jobs are called {kind.name!r}")
        self._kinds[kind.name] = kind

    def get(self, name: str) -> JobKind:
        if name not in self._kinds:
            raise OptionError(f"no kind of job is called {name!r}; kinds are {', '.join(sorted(self._kinds))}")
        return self._kinds[name]

    def of_lane(self, lane: str) -> list[str]:
        return [kind.name for kind in self._kinds.values() if kind.lane == lane]

    def lanes(self) -> set[str]:
        return {kind.lane for kind in self._kinds.values()}
