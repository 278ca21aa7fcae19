"""Which utterances share the next batch. Pure bookkeeping: no threads, no clock, no engine."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

BUCKET_RATIO = 1.5  # the longest of a batch over its shortest, so that it is never mostly padding


@dataclass(frozen=True, kw_only=True)
class Item(Generic[T]):
    """An utterance that waits. group: only equal ones share a batch (model, options). arrived_at: in seconds."""

    id: int
    group: Hashable
    max_batch: int
    n_frames: int
    arrived_at: float
    work: T


class Scheduler(Generic[T]):
    """First come, first served: the oldest item is always in the next batch, so nothing starves. It is joined by the
    next oldest of its group and of about its length, up to the group's max_batch and the frame budget, with padding."""

    def __init__(self, max_batch_frames: int, max_wait_s: float) -> None:
        self._max_frames, self._max_wait_s = max_batch_frames, max_wait_s
        self._items: dict[int, Item[T]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item[T]) -> None:
        self._items[item.id] = item

    def remove(self, ids: Iterable[int]) -> None:
        """Forget items that wait; ids of others are passed over."""
        for item_id in ids:
            self._items.pop(item_id, None)

    def next_batch(self, now: float, more_come: bool = True) -> list[Item[T]]:
        """Take the items of the next batch out; none while a batch that is not full may still wait for more.

        more_come: whether anything is on its way here; without it nothing is waited for.
        """
        oldest = self._oldest()
        if oldest is None:
            return []
        batch = self._joined(oldest)
        if more_come and len(batch) < oldest.max_batch and now < oldest.arrived_at + self._max_wait_s:
            return []
        self.remove(item.id for item in batch)
        return batch

    def wait_s(self, now: float) -> float | None:
        """After how long next_batch should be asked again; None when nothing waits."""
        oldest = self._oldest()
        return None if oldest is None else max(0.0, oldest.arrived_at + self._max_wait_s - now)

    def take(self, group: Hashable, n: int) -> list[Item[T]]:
        """Take out up to n items, the oldest first, that may join a running batch of that group; none while an older
        item of another group waits."""
        taken: list[Item[T]] = []
        for item in sorted(self._items.values(), key=_age):
            if item.group != group or len(taken) == n:
                break
            taken.append(item)
        self.remove(item.id for item in taken)
        return taken

    def _oldest(self) -> Item[T] | None:
        return min(self._items.values(), key=_age, default=None)

    def _joined(self, oldest: Item[T]) -> list[Item[T]]:
        batch, shortest, longest = [oldest], oldest.n_frames, oldest.n_frames
        for item in sorted((i for i in self._items.values() if i.group == oldest.group), key=_age):
            if len(batch) == oldest.max_batch:
                break
            least, most = min(shortest, item.n_frames), max(longest, item.n_frames)
            fits = most <= BUCKET_RATIO * least and (len(batch) + 1) * most <= self._max_frames
            if item.id != oldest.id and fits:
                batch.append(item)
                shortest, longest = least, most
        return batch


def _age(item: Item[T]) -> tuple[float, int]:
    return item.arrived_at, item.id
