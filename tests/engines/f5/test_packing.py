"""Sequences laid end to end."""

from random import Random

import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.f5.packing import TILE, Packing, packing_index

LENGTHS = st.lists(st.integers(0, 400), min_size=1, max_size=12).filter(any)


@given(LENGTHS)
def test_every_row_knows_its_sequence(lengths: list[int]) -> None:
    packing = Packing.of(lengths)
    assert packing.n_rows == sum(lengths) == len(packing.first) == len(packing.end)
    assert packing.longest == max(lengths)
    spans = packing.spans()
    assert [span.stop - span.start for span in spans] == [n for n in lengths if n]
    for span in spans:
        assert (packing.first[span] == span.start).all() and (packing.end[span] == span.stop).all()
        assert torch.equal(packing.position[span], torch.arange(span.stop - span.start))
    assert packing.bounds.tolist() == [sum(lengths[:i]) for i in range(len(lengths) + 1)]


@given(LENGTHS, st.sets(st.integers(0, 3)))
def test_tiles_cover_every_row_that_is_heard_once(lengths: list[int], unheard: set[int]) -> None:
    unheard &= set(range(len(lengths)))
    packing = Packing.from_index(lengths, packing_index(lengths, unheard))
    covered = torch.zeros(packing.n_rows, dtype=torch.int32)
    for query, first, end in packing.tiles.tolist():
        assert query >= end or (query - first) % TILE == 0
        covered[query : min(query + TILE, end)] += 1
        if query < end:
            assert (packing.first[query], packing.end[query]) == (first, end)
    heard = torch.tensor([i not in unheard for i in range(len(lengths))])
    assert torch.equal(covered, heard.int().repeat_interleave(torch.tensor(lengths)))


@given(LENGTHS, st.randoms())
def test_the_index_has_one_size_per_sum_and_number(lengths: list[int], random: Random) -> None:
    shares = [random.random() + 1e-3 for _ in lengths]
    others = [int(sum(lengths) * share / sum(shares)) for share in shares]
    others[-1] += sum(lengths) - sum(others)
    assert packing_index(lengths).shape == packing_index(others).shape
