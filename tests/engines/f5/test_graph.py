"""Which batches share a recorded graph, and on a GPU that a graph gives what single launches give."""

from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.f5.graph import MAX_ROWS, MAX_UTTERANCES, Bucket, GraphPool, bucket_rows
from locutor.engines.f5.runtime import Runtime
from locutor.engines.f5.sampling import SolveOptions
from locutor.engines.f5.session import Solve


@given(st.integers(1, 100_000))
def test_padding_stays_small(n: int) -> None:
    rows = bucket_rows(n)
    assert rows >= n and rows % 16 == 0
    assert rows - n < max(16, 0.08 * n)
    assert bucket_rows(rows) == rows


@given(st.integers(200, 8000))
def test_buckets_are_few(n: int) -> None:
    assert len({bucket_rows(k) for k in range(n, 2 * n)}) <= 27


@given(st.lists(st.integers(20, 4000), min_size=1, max_size=12), st.booleans())
def test_a_bucket_holds_its_batch(lengths: list[int], twins: bool) -> None:
    bucket = Bucket.of(lengths, twins)
    if bucket is None:
        assert len(lengths) > MAX_UTTERANCES or bucket_rows(sum(lengths)) * (1 + twins) > MAX_ROWS
        return
    laid = bucket.lengths(lengths)
    assert sum(laid) == bucket.all_rows <= MAX_ROWS
    assert laid[: len(lengths)] == lengths
    halves = [laid] if not twins else [laid[: len(laid) // 2], laid[len(laid) // 2 :]]
    assert all(half == halves[0] and len(half) == bucket.slots for half in halves)
    assert Bucket.of(lengths[::-1], twins) == bucket


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("lengths", [(75,), (60, 91, 44)])
@pytest.mark.parametrize("cfg_strength", [2.0, 0.0])
@torch.inference_mode()
def test_graphs_give_what_single_launches_give(kit: ModuleType, lengths: tuple[int, ...], cfg_strength: float) -> None:
    runtime = Runtime(kit.tiny_network("v1"), "cuda", torch.float16)
    pool, options = GraphPool(runtime), SolveOptions(nfe_step=7, cfg_strength=cfg_strength)
    made: list[list[torch.Tensor]] = []
    for round_ in range(3):  # single launches, then recorded, then replayed for other utterances of the bucket
        generator = torch.Generator().manual_seed(round_ // 2)
        batch = [kit.utterance("hello", torch.randn(20, 100, generator=generator), n, seed=n) for n in lengths]
        for graphs in (pool, None):
            solve = Solve(runtime, kit.UNHEARD, batch, options, graphs)
            while not solve.done:
                solve.step()
            made.append([solve.mel(row) for row in range(len(batch))])
    assert len(pool) == 1
    for with_graph, without in zip(made[::2], made[1::2], strict=True):
        for a, b in zip(with_graph, without, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=2e-2)
