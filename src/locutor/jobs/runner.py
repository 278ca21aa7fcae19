"""Threads of this process that work on queued jobs, and one that keeps their leases.

Crash-proof by construction: a job is only ever "processing" under a lease; when its process is gone, whoever runs
next queues it again, and what it had staged is swept away.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from locutor.errors import LocutorError, WorkerDownError
from locutor.jobs.kinds import JobContext, JobKind, JobKinds
from locutor.jobs.model import Job, JobStatus
from locutor.jobs.store import JobStore, Lease, LeaseLostError
from locutor.storage.owner import Owner

LEASE_S = 15.0
WATCH_S = 0.25
POLL_S = 1.0  # what other processes queue, and attempts that wait for their time, are seen this late
RECOVER_S = 5.0
RETRY_DELAY_S = 2.0

_log = logging.getLogger(__name__)


class JobRunner:
    """slots: number of jobs of each lane at a time; a lane that is not named has one."""

    def __init__(self, store: JobStore, kinds: JobKinds, owner: Owner, slots: Mapping[str, int] | None = None) -> None:
        self.store, self.kinds, self.owner = store, kinds, owner
        self._slots = {lane: (slots or {}).get(lane, 1) for lane in sorted(kinds.lanes())}
        self._running: dict[Lease, JobContext] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Free what dead processes held, sweep what they left, and begin to work."""
        self.recover()
        self._threads = [self._thread("job-leases", self._watch)]
        for lane, n_slots in self._slots.items():
            self._threads += [self._thread(f"jobs-{lane}-{i}", partial(self._work, lane)) for i in range(n_slots)]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask running jobs to end, and give them back to the queue; returns when they have, or after timeout_s."""
        self._stop.set()
        self.store.announce()
        with self._lock:
            for context in self._running.values():
                context.cancelled.set()
        for thread in self._threads:
            thread.join(timeout_s)

    def recover(self) -> Sequence[str]:
        """Queue jobs of dead processes again and remove the files those had staged; returns the jobs' ids."""
        freed = self.store.recover(self.owner.is_alive)
        self.store.artefacts.sweep()
        for token in self.owner.others():
            if not self.owner.is_alive(token):
                self.owner.forget(token)
        if freed:
            _log.warning("queued again after their process ended: %s", ", ".join(freed))
        return freed

    def has_work(self, lane: str) -> bool:
        """Whether jobs of the lane wait or are under way, here or elsewhere."""
        kinds = self.kinds.of_lane(lane)
        return any(self.store.count(status=s, kinds=kinds) for s in (JobStatus.QUEUED, JobStatus.PROCESSING))

    def run_next(self, lane: str) -> Job | None:
        """Claim and finish one job in this thread; None when none waits."""
        claimed = self.store.claim(self.kinds.of_lane(lane), self.owner.token, LEASE_S)
        if claimed is None:
            return None
        job, lease = claimed
        context = JobContext(job, lease, self.store)
        with self._lock:
            self._running[lease] = context
            if self._stop.is_set():  # it was claimed while stop() told the others
                context.cancelled.set()
        try:
            return self._run(self.kinds.get(job.kind), context)
        finally:
            with self._lock:
                del self._running[lease]
            self.store.artefacts.discard(context.staged)

    def _run(self, kind: JobKind, context: JobContext) -> Job | None:
        try:
            return self.store.complete(context.lease, kind.run(context))
        except LeaseLostError as error:
            _log.warning("%s", error)
            return None
        except WorkerDownError as error:  # not the job's fault, and nothing was tried
            self._give_back(context, str(error), RETRY_DELAY_S)
            return None
        except Exception as error:  # whatever a kind raises ends its job, never the runner
            if self._stop.is_set() and context.cancelled.is_set():
                self._give_back(context, "interrupted: the server stops")
                return None
            if not isinstance(error, LocutorError):
                _log.exception("job %s (%s) failed", context.job.id, kind.name)
            return self._fail(kind, context, error)

    def _fail(self, kind: JobKind, context: JobContext, error: Exception) -> Job | None:
        retry_in_s = RETRY_DELAY_S * context.job.attempts if isinstance(error, kind.retried) else None
        try:
            return self.store.fail(context.lease, error, retry_in_s=retry_in_s)
        except LeaseLostError as lost:
            _log.warning("%s", lost)
            return None

    def _give_back(self, context: JobContext, why: str, in_s: float = 0.0) -> None:
        try:
            self.store.give_back(context.lease, why, in_s)
        except LeaseLostError as lost:
            _log.warning("%s", lost)

    def _work(self, lane: str) -> None:
        while not self._stop.is_set():
            n_seen = self.store.n_queued
            try:
                if self.run_next(lane) is None:
                    self.store.wait_for_work(n_seen, POLL_S)
            except Exception:  # the database refused, say: the slot must live on and try again
                _log.exception("the job slot of lane %s could not go on; it tries again", lane)
                self._stop.wait(1.0)

    def _watch(self) -> None:
        since_renewal = since_recovery = 0.0
        while not self._stop.wait(WATCH_S):
            since_renewal, since_recovery = since_renewal + WATCH_S, since_recovery + WATCH_S
            try:
                self._tell_cancelled()
                if since_renewal >= LEASE_S / 5:
                    since_renewal = 0.0
                    self.store.renew(list(self._held()), LEASE_S)
                if since_recovery >= RECOVER_S:
                    since_recovery = 0.0
                    self.recover()
            except Exception:  # as above
                _log.exception("leases could not be renewed; trying again")

    def _tell_cancelled(self) -> None:
        held = self._held()
        for job_id in self.store.to_stop(list(held)) if held else ():
            for lease, context in held.items():
                if lease.job_id == job_id:
                    context.cancelled.set()

    def _held(self) -> dict[Lease, JobContext]:
        with self._lock:
            return dict(self._running)

    def _thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=run, name=name, daemon=True)
