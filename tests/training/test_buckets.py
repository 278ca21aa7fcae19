from collections.abc import Sequence

import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.training.buckets import FrameBuckets

LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 16))
def test_every_clip_is_in_one_batch_and_no_batch_is_over_its_bounds(lengths: list[int], bound: int, most: int) -> None:
    buckets = FrameBuckets.of(lengths, bound, most)
    assert sorted(i for batch in buckets.batches for i in batch) == list(range(len(lengths)))
    for batch in buckets.batches:
        assert len(batch) <= most
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= bound


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 16))
def test_batches_are_as_few_and_as_even_as_the_bounds_allow(lengths: list[int], bound: int, most: int) -> None:
    def largest(batches: Sequence[Sequence[int]]) -> int:
        return max(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    def filled(bound: int) -> list[list[int]]:
        batches: list[list[int]] = []
        for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
            if not batches or len(batches[-1]) == most or lengths[i] * (len(batches[-1]) + 1) > bound:
                batches.append([])
            batches[-1].append(i)
        return batches

    batches = FrameBuckets.of(lengths, bound, most).batches
    assert largest(batches) == largest(batches[-1:])
    assert len(batches) == len(filled(bound))
    smaller = min(bound, largest(batches) - 1)
    assert largest(batches) <= max(bound, *lengths)
    assert len(filled(smaller)) > len(batches) or largest(batches) == max(lengths)


def test_nothing_is_left_over_for_a_tiny_batch() -> None:
    assert [len(batch) for batch in FrameBuckets.of([100] * 9, 800, 64).batches] == [4, 5]


@given(LENGTHS, st.integers(0, 5))
def test_an_epoch_holds_every_batch_once(lengths: list[int], epoch: int) -> None:
    buckets = FrameBuckets.of(lengths, 600, 8)
    n = len(buckets.batches)
    seen = [buckets.in_epoch(epoch * n + k, seed=3) for k in range(n)]
    assert sorted(seen) == sorted(buckets.batches)


def test_epochs_differ_in_order_and_draws_are_repeatable() -> None:
    buckets = FrameBuckets.of(list(range(1, 200)), 400, 4)
    n = len(buckets.batches)
    orders = {tuple(buckets.in_epoch(epoch * n + k, seed=0) for k in range(n)) for epoch in range(3)}
    assert len(orders) == 3
    one, other = (buckets.draw(torch.Generator().manual_seed(7)) for _ in range(2))
    assert one == other
