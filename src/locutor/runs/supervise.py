"""A training run as a job: a process of its own, watched from here.

The process belongs to nobody: it goes on when whoever watches it ends, and the next one to claim the job finds it by
the lock it holds. When it dies, the job is tried again and goes on from the last saved state.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locutor.errors import CancelledError, EngineError, WorkerError
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
            return self.jobs.cancel(job.id)
        if folder.is_alive():
            folder.ask_to_stop()
        return None

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
        end = time.monotonic() + STOP_S
        while folder.is_alive() and folder.stop_file.exists() and time.monotonic() < end:
            time.sleep(0.1)  # it is resumed while it is still ending
        process = None if folder.is_alive() else self._spawn(folder)
        try:
            self._watch(context, folder, process)
        except CancelledError:
            if self.jobs.get(context.job.id).cancel_requested:  # otherwise this process ends, and the run goes on
                self._end(folder, process)
            raise
        return self._outcome(folder.status())

    def _submit(self, run: str) -> Job:
        return self.jobs.submit(TRAIN, {"run": run}, max_attempts=5)

    def _spawn(self, folder: RunFolder) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "locutor.cli.main", "--verbose", "train", "work", folder.path.name]
        folder.stop_file.unlink(missing_ok=True)
        folder.tell(RunStatus(state="preparing", message="starting"))
        with (folder.path / "output.log").open("ab") as output:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **MALLOC, **self.environ},
            )  # fmt: skip

    def _watch(self, context: JobContext, folder: RunFolder, process: subprocess.Popen[bytes] | None) -> None:
        """Returns when the run's process is gone."""
        begun = time.monotonic()
        has_begun = process is None
        while True:
            alive = folder.is_alive()
            has_begun = has_begun or alive
            if process is not None and process.poll() is not None:
                return
            if process is None and not alive:
                return
            if not has_begun and time.monotonic() - begun > START_S:
                raise WorkerError(f"the process of run {folder.path.name!r} did not begin within {START_S:g} s")
            status = folder.status()
            context.progress(status.progress, 100.0, status.message)
            time.sleep(POLL_S)

    def _end(self, folder: RunFolder, process: subprocess.Popen[bytes] | None) -> None:
        folder.ask_to_stop()
        end = time.monotonic() + STOP_S
        while time.monotonic() < end and (folder.is_alive() or (process is not None and process.poll() is None)):
            time.sleep(0.1)
        if process is not None and process.poll() is None:
            process.kill()

    @staticmethod
    def _outcome(status: RunStatus) -> JobOutcome:
        if status.state == "completed":
            return JobOutcome(result=shown(status))
        if status.state == "failed":
            raise EngineError(status.error or "the run failed")
        if "unexpectedly" in status.message:
            raise WorkerError("the process of the run ended unexpectedly; it goes on from its last saved state")
        raise CancelledError(status.message)


def shown(status: RunStatus) -> dict[str, Any]:
    """The status as clients see it, without what is only of interest here."""
    return {name: value for name, value in vars(status).items() if name != "pid"}
