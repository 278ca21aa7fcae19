"""The folder of one training run, which is all that is known of it.

RUN/run.json            RunConfig                      RUN/status.json   state, epoch, loss: see RunStatus
RUN/plan.json           preflight.Plan                 RUN/origin.json   what the run began with: see training/origin.py
RUN/log.jsonl           scalars by step                RUN/tensorboard/  the same, with audio and spectrograms
RUN/state/step_N/       what resuming needs            RUN/cache/        alignments and the like
RUN/checkpoints/NAME/   a model each; model_last and model_best are links to two of them
RUN/samples/            epoch_N_output.wav, epoch_N_reference.wav, epoch_N.json
RUN/voice.wav, voice.json   what the samples clone     RUN/stop          asks the run to end
"""

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from locutor.errors import CheckpointError, NotFoundError, StorageError
from locutor.training.lock import is_locked
from locutor.training.run_config import RunConfig

GRACE_S = 60.0  # for a process that was just started
STATES = ("idle", "preparing", "running", "completed", "failed", "stopped")


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """Where a run stands. state: one of STATES; loss: of the last logged updates; progress: 0 to 100; left_s: estimate;
    error: why it failed, in a sentence; peak_bytes: memory in use at most, known at the end; saving: it must not be
    killed now."""

    state: str = "idle"
    epoch: int = 0
    total_epochs: int = 0
    step: int = 0
    total_steps: int = 0
    loss: float | None = None
    progress: float = 0.0
    left_s: float | None = None
    message: str = ""
    error: str | None = None
    pid: int | None = None
    peak_bytes: int | None = None
    saving: bool = False
    updated_at: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.state in ("completed", "failed", "stopped")


@dataclass(frozen=True)
class RunFolder:
    """Paths and small files of a run."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def cache(self) -> Path:
        return self.path / "cache"

    @property
    def voice(self) -> Path:
        return self.path / "voice.wav"

    @property
    def stop_file(self) -> Path:
        return self.path / "stop"

    def create(self, config: RunConfig) -> None:
        """Raises StorageError when the disk refuses."""
        self._write("run.json", config.model_dump(mode="json"))

    def exists(self) -> bool:
        return (self.path / "run.json").is_file()

    def config(self) -> RunConfig:
        """Raises NotFoundError when there is no run here, CheckpointError for a damaged file."""
        if not self.exists():
            raise NotFoundError(f"there is no training run called {self.path.name!r}")
        return RunConfig.of(self._read("run.json"))

    def status(self) -> RunStatus:
        """What the run said last; one whose process ended without a word is "stopped"."""
        status = self.last_word()
        if status.state == "idle" or status.is_over or self.is_alive():
            return status
        if status.pid is None and time.time() - status.updated_at < GRACE_S:
            return status
        return replace(status, state="stopped", message="its process ended unexpectedly; it can be resumed")

    def last_word(self) -> RunStatus:
        """The same as it was written, whatever became of the process."""
        return RunStatus(**self._read("status.json")) if (self.path / "status.json").is_file() else RunStatus()

    def is_alive(self) -> bool:
        """Whether the process that works on the run is there: it holds a lock, which the system takes from the dead."""
        return is_locked(self.path / "lock")

    def tell(self, status: RunStatus) -> None:
        self._write("status.json", asdict(status) | {"updated_at": time.time()})

    def ask_to_stop(self) -> None:
        """The run ends within seconds, with its state saved."""
        try:
            self.stop_file.touch()
        except OSError as error:
            raise StorageError(f"cannot write {self.stop_file}: {error.strerror}") from error

    def log(self) -> list[dict[str, Any]]:
        """Logged rows by step; where a run went back to its last saved state, what it logged afterwards."""
        path = self.path / "log.jsonl"
        rows: list[dict[str, Any]] = []
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            try:
                row = json.loads(line)
            except ValueError:  # the last line of a run that was killed
                continue
            while rows and rows[-1]["step"] > row["step"]:
                rows.pop()
            rows.append(row)
        return rows

    def _write(self, name: str, facts: dict[str, Any]) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            beside = self.path / f".{name}.{os.getpid()}.tmp"
            beside.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            os.replace(beside, self.path / name)
        except OSError as error:
            raise StorageError(f"cannot write {self.path / name}: {error.strerror}") from error

    def _read(self, name: str) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except ValueError as error:
            raise CheckpointError(f"{self.path / name} is damaged: {error}") from error
        return facts
