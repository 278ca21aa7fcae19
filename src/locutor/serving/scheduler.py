"""Which utterances share the next batch. Pure bookkeeping: no threads, no clock, no engine."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

BUCKET_RATIO = 1.5  # the longest of a batch over its shortest, so that it is never mostly padding


@dataclass(frozen=True, kw_only=True)
class Item(Generic[T]):
    """An utterance that waits. group: only equal ones share a batch (model, options). arrived_at: in seconds.

    n_before: pieces that its call has had before it.
    """

    id: int
    group: Hashable
    max_batch: int
    n_frames: int
    arrived_at: float
    n_before: int = 0
    work: T


class Scheduler(Generic[T]):
    """Turn about: one batch begins with whose call has had least, so that a new call is heard soon however many pieces
    of long texts wait; the next one with who has waited longest, so that nobody starves however many calls are new.

    An item waits for at most two batches more for each that is older, and likewise for each whose call has had less, or
    as little and is older. The first of a batch is joined by the next of its group in the same order, of about its
    length, up to the group's max_batch and the frame budget, with padding.
    """

    def __init__(self, max_batch_frames: int, max_wait_s: float) -> None:
        self._max_frames, self._max_wait_s = max_batch_frames, max_wait_s
        self._items: dict[int, Item[T]] = {}
        self._order, self._other = _least_served, _age

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
        wait_s = self.wait_s(now)
        if wait_s is None:
            return []
        batch = self._joined()
        if more_come and wait_s > 0 and len(batch) < batch[0].max_batch:
            return []
        self.remove(item.id for item in batch)
        self._turn()
        return batch

    def wait_s(self, now: float) -> float | None:
        """After how long next_batch should be asked again; None when nothing waits."""
        oldest = min(self._items.values(), key=_age, default=None)
        return None if oldest is None else max(0.0, oldest.arrived_at + self._max_wait_s - now)

    def take(self, group: Hashable, n: int) -> list[Item[T]]:
        """Take out up to n items that may join a running batch of that group, turn about as for batches; none once it
        is the turn of another group's."""
        taken: list[Item[T]] = []
        while self._items and len(taken) < n:
            item = min(self._items.values(), key=self._order)
            if item.group != group:
                break
            taken.append(item)
            self.remove([item.id])
            self._turn()
        return taken

    def _turn(self) -> None:
        self._order, self._other = self._other, self._order

    def _joined(self) -> list[Item[T]]:
        first, *others = sorted(self._items.values(), key=self._order)
        batch, shortest, longest = [first], first.n_frames, first.n_frames
        for item in others:
            if len(batch) == first.max_batch:
                break
            least, most = min(shortest, item.n_frames), max(longest, item.n_frames)
            fits = most <= BUCKET_RATIO * least and (len(batch) + 1) * most <= self._max_frames
            if item.group == first.group and fits:
                batch.append(item)
                shortest, longest = least, most
        return batch


def _age(item: Item[T]) -> tuple[float, ...]:
    return item.arrived_at, item.id


def _least_served(item: Item[T]) -> tuple[float, ...]:
    return item.n_before, item.arrived_at, item.id
