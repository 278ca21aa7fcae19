"""A watcher of a fine-tuning loop that notes what the loop does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from locutor.training.finetune import Moment
from locutor.training.log import Ending, RunLog


@dataclass
class Watched:
    """Notes what the loop does, as its watcher and as a board; stops it at the given number of batches. cut_at: updates
    after which measuring is cut short."""

    stop_at: int | None = None
    n_asked: int = 0
    cut_at: int | None = None
    models: list[tuple[str, Moment]] = field(default_factory=list)
    measured_at: list[int] = field(default_factory=list)
    ending: Ending | None = None
    is_saving: bool = False

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
        assert self.is_saving
        self.models.append((name, moment))

    @contextmanager
    def saving(self) -> Iterator[None]:
        self.is_saving = True
        yield
        self.is_saving = False

    def after_models(self, step: int, log: RunLog) -> bool:
        assert not self.is_saving
        self.measured_at.append(step)
        return step != self.cut_at
