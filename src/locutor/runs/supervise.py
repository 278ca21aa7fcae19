"""A training run as a job: a process of its own, watched from here.

The process belongs to nobody: it goes on when whoever watches it ends, and the next one to claim the job finds it by
the lock it holds. When it dies, the job is tried again and goes on from the last saved state.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from locutor.errors import CancelledError, EngineError, LocutorError, WorkerError
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import Job, JobOutcome
from locutor.jobs.store import JobStore
from locutor.runs.catalog import RunCatalog
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder, RunStatus

# Batches of many sizes leave glibc's heap in pieces: a run was seen to grow from 1.9 to 6.8 GB. Large blocks that are
# mapped by themselves go back to the system when they are freed.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "134217728"}
TRAIN, LANE = "train", "training"
POLL_S = 0.3
START_S = 60.0  # within which a new process must have taken its run
STOP_S = 30.0  # within which a run that was asked to stop must have ended
SAVE_S = 300.0  # the same while it says that it is saving, which on a slow disk takes its time
OUTPUT = "output.log"
_RAISED = re.compile(r"^locutor\.errors\.\w+: ")


@dataclass(frozen=True)
class Worker:
    """The process of a run that was started here. said_from: where in its output.log begins what this one says."""

    process: subprocess.Popen[bytes]
    said_from: int

    @property
    def is_there(self) -> bool:
        return self.process.poll() is None


@dataclass(frozen=True)
class RunTasks:
    """Starts, stops and watches runs. environ: what their processes are told besides this one's environment."""

    jobs: JobStore
    catalog: RunCatalog
    environ: Mapping[str, str]

    def kind(self) -> JobKind:
        return JobKind(name=TRAIN, run=self.train, lane=LANE, retried=(WorkerError,))

    def start(self, config: RunConfig) -> Job:
        """Queue a new run. Raises ConflictError when the name is taken."""
        self.catalog.create(config)
        return self._submit(config.model_name)

    def resume(self, run: str) -> Job:
        """Queue a run that was stopped or failed; the job that is there when it is queued or under way already."""
        self.catalog.get(run)
        job = self.job(run, live=True)
        return self._submit(run) if job is None or job.cancel_requested else job

    def stop(self, run: str) -> Job | None:
        """Ask a run to end with its state saved, which takes seconds; None when no job works on it."""
        folder, job = self.catalog.get(run), self.job(run, live=True)
        if job is not None:
            job = self.jobs.cancel(job.id)
        if folder.is_alive():  # asked directly too, as nobody may be left who watches it
            folder.ask_to_stop()
        return job

    def is_ending(self, run: str, job: Job | None) -> bool:
        """Whether a run that `stop` gave this job of has still to end."""
        going = job is not None and not self.jobs.get(job.id).status.is_final
        return going or self.catalog.get(run).is_alive()

    def job(self, run: str, live: bool = False) -> Job | None:
        """The newest job of a run; live: only one that has not ended."""
        for job in self.jobs.list(limit=500, kinds=[TRAIN]):
            if job.params["run"] == run and not (live and job.status.is_final):
                return job
        return None

    def newest(self) -> str | None:
        """The run that was started or resumed last."""
        jobs = self.jobs.list(limit=1, kinds=[TRAIN])
        return str(jobs[0].params["run"]) if jobs else None

    def train(self, context: JobContext) -> JobOutcome:
        """params: run, a name. result: how the run ended (RunStatus)."""
        folder = self.catalog.get(context.job.params["run"])
        if folder.stop_file.exists():  # it is resumed while it is still ending
            _await_end(folder, None, context.check)
        worker = None if folder.is_alive() else self._spawn(folder)
        try:
            self._watch(context, folder, worker)
        except CancelledError:
            if self.jobs.get(context.job.id).cancel_requested:  # otherwise this process ends, and the run goes on
                _end(folder, worker)
            raise
        return _outcome(folder, worker)

    def _submit(self, run: str) -> Job:
        return self.jobs.submit(TRAIN, {"run": run}, max_attempts=5)

    def _spawn(self, folder: RunFolder) -> Worker:
        command = [sys.executable, "-m", "locutor.cli.main", "--verbose", "train", "work", folder.path.name]
        command.append("--supervised")
        folder.stop_file.unlink(missing_ok=True)
        folder.tell(RunStatus(state="preparing", message="starting"))
        with (folder.path / OUTPUT).open("ab") as output:
            said_from = output.tell()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **MALLOC, **self.environ},
            )  # fmt: skip
        return Worker(process, said_from)

    def _watch(self, context: JobContext, folder: RunFolder, worker: Worker | None) -> None:
        """Returns when the run's process is gone."""
        begun = time.monotonic()
        has_begun = worker is None
        while True:
            alive = folder.is_alive()
            has_begun = has_begun or alive
            if not (alive if worker is None else worker.is_there):
                return
            if not has_begun and time.monotonic() - begun > START_S:
                raise WorkerError(f"the process of run {folder.path.name!r} did not begin within {START_S:g} s")
            status = folder.status()
            context.progress(status.progress, 100.0, status.message)
            time.sleep(POLL_S)


def _end(folder: RunFolder, worker: Worker | None) -> None:
    """Ask the run to stop and see to it that its process is gone."""
    folder.ask_to_stop()
    _await_end(folder, worker)
    if worker is None or not worker.is_there:
        return
    worker.process.kill()
    worker.process.wait()
    status = folder.last_word()
    if not status.is_over:
        folder.tell(replace(status, state="stopped", saving=False, message="killed, as it did not stop in time"))


def _await_end(folder: RunFolder, worker: Worker | None, check: Callable[[], None] = lambda: None) -> None:
    """Wait until the process of a run that was asked to stop is gone, longer while it saves; it may still be there
    afterwards. What check() raises ends the wait."""
    begun = time.monotonic()
    while folder.is_alive() or (worker is not None and worker.is_there):
        if time.monotonic() - begun > (SAVE_S if folder.last_word().saving else STOP_S):
            return
        check()
        time.sleep(0.1)


def _outcome(folder: RunFolder, worker: Worker | None) -> JobOutcome:
    """Of a run whose process is gone."""
    status = folder.last_word()
    if status.state == "completed":
        return JobOutcome(result=shown(status))
    if status.state == "failed":
        raise EngineError(status.error or "the run failed")
    if status.is_over:
        raise CancelledError(status.message)
    raise _death(folder, worker)


def _death(folder: RunFolder, worker: Worker | None) -> LocutorError:
    """Why a process is gone that has not said how its run ended. Killed, it is tried again; one that ended by itself
    would do so again."""
    code = worker.process.wait() if worker is not None else None
    if worker is None or code is None or code < 0:
        return WorkerError("the process of the run ended unexpectedly; it goes on from its last saved state")
    said = _last_words(folder, worker)
    error = EngineError(said or f"the process of run {folder.path.name!r} ended with exit code {code} and said nothing")
    if not folder.is_alive():  # otherwise it left the run to another process
        folder.tell(replace(folder.last_word(), state="failed", saving=False, error=str(error), message="failed"))
    return error


def _last_words(folder: RunFolder, worker: Worker) -> str | None:
    """The last line that the process left in output.log, without the class of the error."""
    with (folder.path / OUTPUT).open("rb") as file:
        file.seek(worker.said_from)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return _RAISED.sub("", lines[-1]) if lines else None


def shown(status: RunStatus) -> dict[str, Any]:
    """The status as clients see it, without what is only of interest here."""
    return {name: value for name, value in vars(status).items() if name not in ("pid", "saving")}
