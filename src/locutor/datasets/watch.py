"""How a caller follows a step and stops it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from locutor.errors import CancelledError

T = TypeVar("T")


def _unseen(step: str, done: int, total: int) -> None:
    """Nobody looks."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Watch:
    """on_progress: called with (step, items done, items in all). is_cancelled: asked before every item."""

    on_progress: Callable[[str, int, int], None] = _unseen
    is_cancelled: Callable[[], bool] = _never

    def each(self, step: str, items: Sequence[T]) -> Iterator[T]:
        """The items, one after the other. Raises CancelledError once the caller wants to stop; what was done stays."""
        self.on_progress(step, 0, len(items))
        for done, item in enumerate(items, start=1):
            if self.is_cancelled():
                raise CancelledError(f"{step} was stopped after {done - 1} of {len(items)}; run it again to go on")
            yield item
            self.on_progress(step, done, len(items))


UNWATCHED = Watch()
