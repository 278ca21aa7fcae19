"""A watcher of a fine-tuning loop that notes what the loop does."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from locutor.training.finetune import Moment
from locutor.training.log import Ending, RunLog


@dataclass
class Watched:
    """Notes what the loop does, as its watcher and as a board; stops it at the given number of batches."""

    stop_at: int | None = None
    n_asked: int = 0
    models: list[tuple[str, Moment]] = field(default_factory=list)
    measured_at: list[int] = field(default_factory=list)
    ending: Ending | None = None

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        assert scalars

    def close(self, ending: Ending) -> None:
        self.ending = ending

    def should_stop(self) -> bool:
        self.n_asked += 1
        return self.stop_at is not None and self.n_asked > self.stop_at

    def on_log(self, step: int, scalars: Mapping[str, float]) -> None:
        assert scalars["train/loss"] > 0

    def on_model(self, name: str, moment: Moment, log: RunLog) -> None:
        self.models.append((name, moment))

    def after_models(self, step: int, log: RunLog) -> None:
        self.measured_at.append(step)
