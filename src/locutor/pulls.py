"""Downloading a model as a job, so that its progress can be watched and it can be cancelled."""

from dataclasses import dataclass

from locutor.engines.checkpoints import CheckpointStore
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import JobOutcome

KIND = "pull_model"


@dataclass(frozen=True)
class PullTask:
    """The kind of job behind POST /models/{id}/pull."""

    checkpoints: CheckpointStore

    def kind(self) -> JobKind:
        return JobKind(name=KIND, run=self.run, lane="downloads")

    def run(self, context: JobContext) -> JobOutcome:
        """params: model, licence_accepted. result: the files with their SHA-256."""
        params = context.job.params

        def report(path: str, done: int, total: int | None) -> None:
            context.progress(done, total or 0, path)

        pulled = self.checkpoints.pull(params["model"], licence_accepted=params["licence_accepted"], on_progress=report)
        files = [{"model": file.model, "path": file.path, "sha256": file.sha256} for file in pulled]
        return JobOutcome(result={"model": params["model"], "files": files})
