"""Batches: nobody starves, nothing is lost, and the limits hold, whatever arrives."""

from hypothesis import given
from hypothesis import strategies as st

from locutor.serving.scheduler import BUCKET_RATIO, Item, Scheduler


def item(
    item_id: int, n_frames: int = 100, group: str = "a", at: float = 0.0, max_batch: int = 4, n_before: int = 0
) -> Item[None]:
    return Item(
        id=item_id, group=group, max_batch=max_batch, n_frames=n_frames, arrived_at=at, n_before=n_before, work=None
    )


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


def test_new_calls_and_who_has_waited_longest_take_turns() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.0)
    for i in range(6):
        scheduler.add(item(i, at=i, max_batch=2, n_before=i))  # a long text
    assert ids(scheduler.next_batch(9)) == [0, 1]
    scheduler.add(item(6, at=6, max_batch=2))
    scheduler.add(item(7, at=7, max_batch=2))
    scheduler.add(item(8, at=8, max_batch=2))
    assert [ids(scheduler.next_batch(9)) for _ in range(4)] == [[2, 3], [6, 7], [4, 5], [8]]


def test_joining_a_running_batch_is_turn_about_too() -> None:
    scheduler: Scheduler[None] = Scheduler(10_000, 0.0)
    for i in range(3):
        scheduler.add(item(i, at=i, n_before=i + 1))
    scheduler.add(item(3, at=3))
    scheduler.add(item(4, at=4))
    assert ids(scheduler.take("a", 4)) == [3, 0, 4, 1]
    scheduler.add(item(5, group="b", at=5))
    assert ids(scheduler.take("a", 4)) == [], "it is the turn of a new call, which is of another group"
    assert ids(scheduler.next_batch(9)) == [5] and ids(scheduler.take("a", 4)) == [2]


ARRIVALS = st.lists(st.tuples(st.integers(1, 4000), st.sampled_from("ab"), st.integers(0, 9)), max_size=40)
"""Length, group and how much its call has had already."""


def arrived(scheduler: Scheduler[None], arrivals: list[tuple[int, str, int]]) -> dict[int, Item[None]]:
    """All of them in the scheduler, one after the other."""
    waiting = {}
    for i, (n_frames, group, n_before) in enumerate(arrivals):
        waiting[i] = item(i, n_frames, group, at=i, max_batch=4 if group == "a" else 2, n_before=n_before)
        scheduler.add(waiting[i])
    return waiting


@given(ARRIVALS, st.integers(1, 8000), st.floats(0, 1), st.lists(st.integers(0, 40), max_size=5))
def test_whatever_arrives(
    arrivals: list[tuple[int, str, int]], budget: int, max_wait_s: float, dropped: list[int]
) -> None:
    scheduler: Scheduler[None] = Scheduler(budget, max_wait_s)
    waiting = arrived(scheduler, arrivals)
    scheduler.remove(dropped)
    for i in dropped:
        waiting.pop(i, None)
    new_calls_turn = True
    while len(scheduler):
        batch = scheduler.next_batch(100.0)
        least = min(waiting.values(), key=lambda i: (i.n_before, i.arrived_at))
        assert batch[0] == (least if new_calls_turn else min(waiting.values(), key=lambda i: i.arrived_at))
        frames = [i.n_frames for i in batch]
        assert len(batch) == 1 or len(batch) * max(frames) <= budget
        assert len(batch) <= batch[0].max_batch and len({i.group for i in batch}) == 1
        assert max(frames) <= BUCKET_RATIO * min(frames)
        assert set(ids(batch)) <= waiting.keys()
        for i in ids(batch):
            del waiting[i]
        new_calls_turn = not new_calls_turn
    assert not waiting


def batches_until(scheduler: Scheduler[None], wanted: int, later: list[list[Item[None]]]) -> int:
    """How many batches go by until that item was in one, while others keep coming, so many after each batch."""
    for n, more in enumerate([*later, *([[]] * 200)], start=1):
        if wanted in ids(scheduler.next_batch(1e9)):
            return n
        for other in more:
            scheduler.add(other)
    raise AssertionError(f"{wanted} never came")


@given(ARRIVALS.filter(len), st.lists(st.integers(0, 5), max_size=100), st.booleans(), st.data())
def test_nobody_starves_however_many_calls_are_new(
    arrivals: list[tuple[int, str, int]], flood: list[int], turned: bool, data: st.DataObject
) -> None:
    scheduler: Scheduler[None] = Scheduler(8000, 0.0)
    waiting = arrived(scheduler, arrivals)
    if turned:
        for i in ids(scheduler.next_batch(1e9)):
            del waiting[i]
    if not waiting:
        return
    wanted = data.draw(st.sampled_from(sorted(waiting)))
    numbers = iter(range(1000, 10_000))
    later = [[item((i := next(numbers)), group="ab"[i % 2], at=i) for _ in range(n)] for n in flood]
    n_older = sum(i < wanted for i in waiting)
    assert batches_until(scheduler, wanted, later) <= 2 * (n_older + 1)


@given(ARRIVALS, st.lists(st.integers(0, 5), max_size=100), st.booleans())
def test_a_new_call_is_heard_soon_however_much_of_long_texts_waits(
    arrivals: list[tuple[int, str, int]], flood: list[int], turned: bool
) -> None:
    scheduler: Scheduler[None] = Scheduler(8000, 0.0)
    waiting = arrived(scheduler, arrivals)
    if turned:
        for i in ids(scheduler.next_batch(1e9)):
            del waiting[i]
    scheduler.add(item(999, at=999))
    numbers = iter(range(1000, 10_000))
    later = [[item((i := next(numbers)), group="ab"[i % 2], at=i, n_before=1 + i % 7) for _ in range(n)] for n in flood]
    n_new = sum(i.n_before == 0 for i in waiting.values())
    assert batches_until(scheduler, 999, later) <= 2 * (n_new + 1)
