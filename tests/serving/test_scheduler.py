"""Batches: nobody starves, nothing is lost, and the limits hold, whatever arrives."""

from hypothesis import given
from hypothesis import strategies as st

from locutor.serving.scheduler import BUCKET_RATIO, Item, Scheduler


def item(item_id: int, n_frames: int = 100, group: str = "a", at: float = 0.0, max_batch: int = 4) -> Item[None]:
    return Item(id=item_id, group=group, max_batch=max_batch, n_frames=n_frames, arrived_at=at, work=None)


def ids(items: list[Item[None]]) -> list[int]:
    return [i.id for i in items]


def test_the_oldest_goes_with_its_like() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.0)
    for i, (n_frames, group) in enumerate([(100, "a"), (100, "b"), (105, "a"), (900, "a"), (102, "a")]):
        scheduler.add(item(i, n_frames, group, at=i))
    assert [ids(scheduler.next_batch(9.0)) for _ in range(4)] == [[0, 2, 4], [1], [3], []]


def test_a_batch_that_is_not_full_waits_a_little() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.5)
    assert scheduler.wait_s(0.0) is None
    scheduler.add(item(0, at=1.0))
    assert scheduler.next_batch(1.2) == [] and scheduler.wait_s(1.25) == 0.25
    for i in (1, 2, 3):
        scheduler.add(item(i, at=1.2))
    assert ids(scheduler.next_batch(1.2)) == [0, 1, 2, 3]
    scheduler.add(item(4, at=2.0))
    assert ids(scheduler.next_batch(2.5)) == [4]


def test_nothing_is_waited_for_when_nothing_comes() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.5)
    scheduler.add(item(0, at=1.0))
    assert ids(scheduler.next_batch(1.0, more_come=False)) == [0]


def test_any_that_are_of_about_one_length_share_a_batch() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.0)
    for i, n_frames in enumerate((290, 310, 440, 250, 200)):
        scheduler.add(item(i, n_frames, at=i))
    assert ids(scheduler.next_batch(9)) == [0, 1, 3], "440 is over 1.5 times 290"
    assert ids(scheduler.next_batch(9)) == [2] and ids(scheduler.next_batch(9)) == [4]


def test_the_frame_budget_counts_padding() -> None:
    scheduler: Scheduler[None] = Scheduler(300, 0.0)
    for i, n_frames in enumerate((100, 101, 99, 100)):
        scheduler.add(item(i, n_frames, at=i))
    assert ids(scheduler.next_batch(9)) == [0, 1], "a third one would make 303 frames"


def test_one_that_is_over_the_budget_goes_alone() -> None:
    scheduler: Scheduler[None] = Scheduler(10, 0.0)
    scheduler.add(item(0, 1000))
    scheduler.add(item(1, 1000))
    assert ids(scheduler.next_batch(9)) == [0]


def test_joining_a_running_batch_is_refused_while_somebody_older_waits() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.0)
    for i, group in enumerate("aab"):
        scheduler.add(item(i, group=group, at=i))
    assert ids(scheduler.take("b", 2)) == []
    assert (
        ids(scheduler.take("a", 1)) == [0] and ids(scheduler.take("a", 5)) == [1] and ids(scheduler.take("b", 1)) == [2]
    )


def test_removed_items_do_not_come() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.0)
    scheduler.add(item(0))
    scheduler.remove([0, 7])
    assert len(scheduler) == 0 and scheduler.next_batch(9) == []


ITEMS = st.lists(
    st.tuples(st.integers(1, 4000), st.sampled_from("ab"), st.floats(0, 10), st.integers(1, 8)), max_size=40
)


@given(ITEMS, st.integers(1, 8000), st.floats(0, 1), st.lists(st.integers(0, 40), max_size=5))
def test_whatever_arrives(
    arrivals: list[tuple[int, str, float, int]], budget: int, max_wait_s: float, dropped: list[int]
) -> None:
    scheduler: Scheduler[None] = Scheduler(budget, max_wait_s)
    for i, (n_frames, group, at, _) in enumerate(arrivals):
        scheduler.add(item(i, n_frames, group, at, max_batch=4 if group == "a" else 2))
    scheduler.remove(dropped)
    waiting = {i for i in range(len(arrivals)) if i not in dropped}
    while len(scheduler):
        oldest = min(waiting, key=lambda i: (arrivals[i][2], i))
        batch = scheduler.next_batch(100.0)
        assert oldest in ids(batch), "the oldest is always served"
        frames = [i.n_frames for i in batch]
        assert len(batch) == 1 or len(batch) * max(frames) <= budget
        assert len(batch) <= batch[0].max_batch and len({i.group for i in batch}) == 1
        assert max(frames) <= BUCKET_RATIO * min(frames)
        assert set(ids(batch)) <= waiting
        waiting -= set(ids(batch))
    assert not waiting
