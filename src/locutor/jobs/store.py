"""Jobs in the database: submitted, claimed under a lease, finished once, listed, cancelled, retried, deleted.

Who works on a job holds a lease and names itself (owner, attempt) with every change; a change under a lease that was
lost is refused, so two workers can never both finish a job.
"""

import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from locutor.errors import CancelledError, ConflictError, LocutorError, NotFoundError
from locutor.jobs.model import Job, JobEvent, JobEventRow, JobOutcome, JobRow, JobStatus
from locutor.storage.artefacts import ArtefactStore, Staged
from locutor.storage.database import Database, now


@dataclass(frozen=True)
class Lease:
    """The right of one process to work on one attempt of a job."""

    job_id: str
    owner: str
    attempt: int


class LeaseLostError(ConflictError):
    """The job was given to somebody else, cancelled or deleted; what was made for it does not count."""


class JobStore:
    """The queue and the history."""

    def __init__(self, database: Database, artefacts: ArtefactStore) -> None:
        self._database, self.artefacts = database, artefacts
        self._queued = threading.Condition()
        self.n_queued = 0

    def announce(self) -> None:
        """Wake whoever waits for work in this process."""
        with self._queued:
            self.n_queued += 1
            self._queued.notify_all()

    def wait_for_work(self, n_seen: int, timeout_s: float) -> None:
        """Return when something was queued through this store since n_queued was n_seen, or after timeout_s."""
        with self._queued:
            self._queued.wait_for(lambda: self.n_queued != n_seen, timeout_s)

    def submit(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        key: str | None = None,
        priority: int = 0,
        max_attempts: int = 3,
        ttl_s: float | None = None,
        uploads: Sequence[Staged] = (),
    ) -> Job:
        """Queue a job; higher priorities first, then in order of submission.

        key: a job of that key that is queued, running, or completed and not expired is returned instead of a new one.
        ttl_s: how long after its end the job and its files are kept; None keeps them.
        uploads: staged files that its params name by id; they become the job's in the same transaction.
        """
        with self._database.write() as session:
            if key is not None and (same := _live_with_key(session, key)):
                return Job.of(same)
            at = now()
            row = JobRow(
                id=f"job_{secrets.token_hex(10)}", kind=kind, status=JobStatus.QUEUED, params=dict(params), key=key,
                priority=priority, progress=0.0, message="", attempts=0, max_attempts=max_attempts,
                cancel_requested=False, not_before=0.0, outputs={}, created_at=at, updated_at=at, ttl_s=ttl_s,
            )  # fmt: skip
            session.add(row)
            _tell(session, row)
            for staged in uploads:
                self.artefacts.commit(session, staged, files_of(row.id))
            session.flush()
            job = Job.of(row)
        self.announce()
        return job

    def get(self, job_id: str) -> Job:
        """NotFoundError when there is none of that id."""
        with self._database.read() as session:
            return Job.of(_row(session, job_id))

    def list(
        self,
        *,
        limit: int = 20,
        offset: int = 0,
        status: JobStatus | None = None,
        kinds: Collection[str] | None = None,
        words: str | None = None,
    ) -> list[Job]:
        """The newest first. words: in the job's id, text or name."""
        with self._database.read() as session:
            rows = select(JobRow).where(*_filters(status, kinds, words)).order_by(JobRow.created_at.desc(), JobRow.id)
            return [Job.of(row) for row in session.scalars(rows.limit(limit).offset(offset))]

    def count(
        self, *, status: JobStatus | None = None, kinds: Collection[str] | None = None, words: str | None = None
    ) -> int:
        with self._database.read() as session:
            wanted = _filters(status, kinds, words)
            return session.scalar(select(func.count()).select_from(JobRow).where(*wanted)) or 0

    def counts(self) -> dict[JobStatus, int]:
        """Number of jobs of each status."""
        with self._database.read() as session:
            found = session.execute(select(JobRow.status, func.count()).group_by(JobRow.status)).all()
        return dict.fromkeys(JobStatus, 0) | {JobStatus(status): n for status, n in found}

    def cancel(self, job_id: str) -> Job:
        """A queued job is cancelled at once, a running one as soon as its worker notices (within a second).

        ConflictError when it has ended.
        """
        with self._database.write() as session:
            row = _row(session, job_id)
            if JobStatus(row.status).is_final:
                raise ConflictError(f"job {job_id} is {row.status} and cannot be cancelled")
            if row.status == JobStatus.QUEUED:
                _end(session, row, JobStatus.CANCELLED, "cancelled")
            else:
                row.cancel_requested = True
                _tell(session, row, "cancelling")
            return Job.of(row)

    def retry(self, job_id: str) -> Job:
        """Queue a failed or cancelled job again, with all its attempts; ConflictError for any other."""
        with self._database.write() as session:
            row = _row(session, job_id)
            if row.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
                raise ConflictError(f"job {job_id} is {row.status}; only failed and cancelled jobs can be retried")
            row.attempts, row.finished_at, row.expires_at = 0, None, None
            row.error, row.error_kind, row.cancel_requested = None, None, False
            _queue(session, row, "queued again")
            job = Job.of(row)
        self.announce()
        return job

    def delete(self, job_id: str) -> int:
        """Remove a job that has ended, with its files; returns how many files. ConflictError while it runs."""
        with self._database.write() as session:
            row = _row(session, job_id)
            if row.status == JobStatus.PROCESSING:
                raise ConflictError(f"job {job_id} is processing; cancel it first")
            ids = self.artefacts.drop(session, files_of(job_id))
            session.delete(row)
        self.artefacts.erase(ids)
        return len(ids)

    def events(self, after: int = 0, *, job_id: str | None = None, limit: int = 500) -> Sequence[JobEvent]:
        """Events with an id above `after`, oldest first; of one job (NotFoundError when it is gone) or of all."""
        with self._database.read() as session:
            rows = select(JobEventRow).where(JobEventRow.id > after).order_by(JobEventRow.id).limit(limit)
            if job_id is not None:
                _row(session, job_id)
                rows = rows.where(JobEventRow.job_id == job_id)
            return [
                JobEvent(r.id, r.job_id, r.at, JobStatus(r.status), r.progress, r.message)
                for r in session.scalars(rows)
            ]

    def last_event(self) -> int:
        """Id of the newest event, 0 without any."""
        with self._database.read() as session:
            return session.scalar(select(func.max(JobEventRow.id))) or 0

    # What a worker does.

    def claim(self, kinds: Collection[str], owner: str, lease_s: float) -> tuple[Job, Lease] | None:
        """Begin an attempt of the next queued job of these kinds; None when there is none to begin now."""
        waiting = (JobRow.status == JobStatus.QUEUED, JobRow.kind.in_(kinds), JobRow.not_before <= now())
        with self._database.read() as session:  # most calls find nothing, and need no write lock to see it
            if session.scalar(select(JobRow.id).where(*waiting).limit(1)) is None:
                return None
        with self._database.write() as session:
            order = (JobRow.priority.desc(), JobRow.created_at, JobRow.id)
            row = session.scalar(select(JobRow).where(*waiting).order_by(*order).limit(1))
            if row is None:
                return None
            row.status, row.owner, row.lease_until = JobStatus.PROCESSING, owner, now() + lease_s
            row.attempts += 1
            row.started_at, row.progress = now(), 0.0
            _tell(session, row, "begun")
            return Job.of(row), Lease(row.id, owner, row.attempts)

    def renew(self, leases: Collection[Lease], lease_s: float) -> None:
        """Heartbeat: hold the leases for another lease_s."""
        if leases:
            with self._database.write() as session:
                for lease in leases:
                    session.execute(update(JobRow).where(*_held(lease)).values(lease_until=now() + lease_s))

    def to_stop(self, leases: Collection[Lease]) -> set[str]:
        """Those of the jobs that were cancelled, deleted or given to somebody else."""
        with self._database.read() as session:
            held = select(JobRow.id, JobRow.owner, JobRow.attempts).where(
                JobRow.id.in_([lease.job_id for lease in leases]),
                JobRow.status == JobStatus.PROCESSING,
                JobRow.cancel_requested.is_(False),
            )
            going = {Lease(job_id, owner or "", n) for job_id, owner, n in session.execute(held)}
        return {lease.job_id for lease in leases if lease not in going}

    def progress(self, lease: Lease, percent: float, message: str) -> None:
        """Raises CancelledError when the job was asked to stop, LeaseLostError when it is no longer the caller's."""
        with self._database.write() as session:
            row = _leased(session, lease)
            if row.cancel_requested:
                raise CancelledError(f"job {row.id} was cancelled")
            row.progress, row.message = percent, message
            _tell(session, row, message)

    def complete(self, lease: Lease, outcome: JobOutcome) -> Job:
        """Files, rows and state in one transaction; LeaseLostError when it does not count any more."""
        with self._database.write() as session:
            row = _leased(session, lease)
            row.outputs = {
                name: self.artefacts.commit(session, staged, files_of(row.id)).id
                for name, staged in outcome.outputs.items()
            }
            row.result, row.recipe, row.progress = outcome.result, outcome.recipe, 100.0
            if outcome.also is not None:
                outcome.also(session)
            _end(session, row, JobStatus.COMPLETED, "completed")
            return Job.of(row)

    def fail(self, lease: Lease, error: BaseException, *, retry_in_s: float | None = None) -> Job:
        """End the attempt: with an error, as cancelled for CancelledError, or queued again after retry_in_s while
        attempts are left."""
        with self._database.write() as session:
            row = _leased(session, lease)
            if isinstance(error, CancelledError):
                _end(session, row, JobStatus.CANCELLED, "cancelled")
            elif retry_in_s is not None and row.attempts < row.max_attempts and not row.cancel_requested:
                row.not_before = now() + retry_in_s
                _queue(session, row, f"waits to be tried again: {error}")
            else:
                row.error_kind = type(error).__name__
                row.error = str(error) if isinstance(error, LocutorError) else f"unexpected {row.error_kind}"
                _end(session, row, JobStatus.FAILED, row.error)
            return Job.of(row)

    def give_back(self, lease: Lease, message: str = "", in_s: float = 0.0) -> None:
        """Queue a job again, after in_s, that was begun and is not to be finished here; no attempt is counted.

        A job that was asked to stop meanwhile is cancelled instead.
        """
        with self._database.write() as session:
            row = _leased(session, lease)
            if row.cancel_requested:
                _end(session, row, JobStatus.CANCELLED, "cancelled")
                return
            row.attempts -= 1
            row.not_before = now() + in_s
            _queue(session, row, message)
        self.announce()

    def recover(self, is_alive: Callable[[str], bool]) -> Sequence[str]:
        """Free jobs whose worker is dead or whose lease ran out: queued again while attempts are left, else failed.

        Returns their ids.
        """
        freed = []
        with self._database.read() as session:
            running = session.scalars(select(JobRow).where(JobRow.status == JobStatus.PROCESSING)).all()
        for lease in (Lease(row.id, row.owner or "", row.attempts) for row in running if _is_stale(row, is_alive)):
            with self._database.write() as session:
                row = session.scalar(select(JobRow).where(*_held(lease)))
                if row is not None and _is_stale(row, is_alive):
                    _free(session, row)
                    freed.append(row.id)
        if freed:
            self.announce()
        return freed


def _is_stale(row: JobRow, is_alive: Callable[[str], bool]) -> bool:
    return (row.lease_until or 0.0) < now() or not is_alive(row.owner or "")


def _free(session: Session, row: JobRow) -> None:
    if row.cancel_requested:
        _end(session, row, JobStatus.CANCELLED, "cancelled")
    elif row.attempts < row.max_attempts:
        _queue(session, row, "interrupted: its process ended; queued again")
    else:
        row.error = f"its process ended unexpectedly in each of {row.attempts} attempts"
        row.error_kind = "WorkerError"
        _end(session, row, JobStatus.FAILED, row.error)


def files_of(job_id: str) -> str:
    """Owner of a job's artefacts."""
    return f"job:{job_id}"


def _row(session: Session, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFoundError(f"there is no job {job_id!r}")
    return row


def _filters(
    status: JobStatus | None, kinds: Collection[str] | None, words: str | None = None
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if status is not None:
        wanted.append(JobRow.status == status)
    if kinds is not None:
        wanted.append(JobRow.kind.in_(kinds))
    if words is not None:
        fields = (JobRow.id, JobRow.params["text"].as_string(), JobRow.params["name"].as_string())
        wanted.append(or_(*(field.icontains(words, autoescape=True) for field in fields)))
    return wanted


def _live_with_key(session: Session, key: str) -> JobRow | None:
    live = (JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.COMPLETED)
    is_kept = or_(JobRow.expires_at.is_(None), JobRow.expires_at >= now())
    return session.scalar(select(JobRow).where(JobRow.key == key, JobRow.status.in_(live), is_kept).limit(1))


def _held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        JobRow.id == lease.job_id,
        JobRow.owner == lease.owner,
        JobRow.attempts == lease.attempt,
        JobRow.status == JobStatus.PROCESSING,
    )


def _leased(session: Session, lease: Lease) -> JobRow:
    row = session.scalar(select(JobRow).where(*_held(lease)))
    if row is None:
        raise LeaseLostError(f"job {lease.job_id} is no longer worked on here")
    return row


def _queue(session: Session, row: JobRow, message: str) -> None:
    row.status, row.owner, row.lease_until, row.progress = JobStatus.QUEUED, None, None, 0.0
    _tell(session, row, message)


def _end(session: Session, row: JobRow, status: JobStatus, message: str) -> None:
    row.status, row.owner, row.lease_until, row.finished_at = status, None, None, now()
    row.expires_at = None if row.ttl_s is None else row.finished_at + row.ttl_s
    _tell(session, row, message)


def _tell(session: Session, row: JobRow, message: str = "") -> None:
    row.message, row.updated_at = message, now()
    session.flush()
    event = JobEventRow(job_id=row.id, at=row.updated_at, status=row.status, progress=row.progress, message=message)
    session.add(event)


def delete_expired(store: JobStore, database: Database) -> list[str]:
    """Delete ended jobs whose time to live is over, with their files; returns their ids."""
    with database.read() as session:
        ids = list(session.scalars(select(JobRow.id).where(JobRow.expires_at < now())))
    for job_id in ids:
        store.delete(job_id)
    return ids


def prune_events(database: Database, older_than_s: float) -> int:
    """Forget events of ended jobs that are older than that; returns how many."""
    ended = select(JobRow.id).where(JobRow.finished_at.is_not(None))
    with database.write() as session:
        old = delete(JobEventRow).where(JobEventRow.at < now() - older_than_s, JobEventRow.job_id.in_(ended))
        return session.execute(old).rowcount  # type: ignore[attr-defined, no-any-return]
