"""What a job is: its row, and the frozen view of it that everyone else is handed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from locutor.storage.artefacts import Staged
from locutor.storage.database import Base


class JobStatus(StrEnum):
    """queued -> processing -> completed, failed or cancelled; a retry goes back to queued."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.PROCESSING)


class JobRow(Base):
    """One job. owner, lease_until: the process that works on it, and until when nobody else may."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_queue", "status", "kind", "priority", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    status: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str | None] = mapped_column(index=True)
    priority: Mapped[int]
    progress: Mapped[float]
    message: Mapped[str]
    attempts: Mapped[int]
    max_attempts: Mapped[int]
    cancel_requested: Mapped[bool]
    owner: Mapped[str | None]
    lease_until: Mapped[float | None]
    not_before: Mapped[float]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    outputs: Mapped[dict[str, str]] = mapped_column(JSON)
    recipe: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None]
    error_kind: Mapped[str | None]
    created_at: Mapped[float] = mapped_column(index=True)
    updated_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    ttl_s: Mapped[float | None]
    expires_at: Mapped[float | None] = mapped_column(index=True)


class JobEventRow(Base):
    """A change of a job, numbered in the order in which changes were made."""

    __tablename__ = "job_events"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    at: Mapped[float]
    status: Mapped[str]
    progress: Mapped[float]
    message: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it was when asked for. Times are Unix times in seconds.

    params: what the kind was asked to do, JSON. progress: 0 to 100, with a message in words. attempts: times it was
    begun. result: JSON; outputs: name -> artefact id. recipe: what it takes to make the result again.
    error: one sentence; error_kind: the name of the exception. expires_at: when cleanup may delete it, None never.
    """

    id: str
    kind: str
    status: JobStatus
    params: dict[str, Any]
    progress: float
    message: str
    attempts: int
    max_attempts: int
    cancel_requested: bool
    result: dict[str, Any] | None
    outputs: dict[str, str]
    recipe: dict[str, Any] | None
    error: str | None
    error_kind: str | None
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float | None

    @classmethod
    def of(cls, row: JobRow) -> "Job":
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**values | {"status": JobStatus(row.status)})


@dataclass(frozen=True)
class JobEvent:
    """One step of a job's life; ids grow, so a reader asks for those after the last one it saw."""

    id: int
    job_id: str
    at: float
    status: JobStatus
    progress: float
    message: str


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """What a finished job leaves, committed in one transaction with its state.

    outputs: name -> staged file. also: further changes of the same transaction, such as the row of a new voice.
    """

    result: dict[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Staged] = field(default_factory=dict)
    recipe: dict[str, Any] | None = None
    also: Callable[[Session], object] | None = None
