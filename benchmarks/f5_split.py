"""Attention whose last tiles share out their keys, a candidate for engines/f5/kernels.py.

The tiles of a text are seldom a multiple of the device's multiprocessors, so most of these rest while the last tiles
are computed. Here as many tiles as that would be are cut along their keys into pieces, which come last; whoever is the
last of a tile's pieces adds them up. f5_variants.py measures whether it pays.
"""

from dataclasses import dataclass
from functools import cache

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from locutor.engines.f5.kernels import LOG2_E, _weigh
from locutor.engines.f5.packing import TILE, Packing

KEYS = 128
MOST_PIECES = 4


@triton.jit
def _split_kernel(
    queries, keys, out_ptr, plan_ptr, scratch_ptr, count_ptr, scale,
    WIDTH: tl.constexpr, HEADS: tl.constexpr, HEAD: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
    PIECES: tl.constexpr,
):  # fmt: skip
    head = tl.program_id(0)
    plan = plan_ptr + 6 * tl.program_id(1)
    begin, end = tl.load(plan), tl.load(plan + 1)
    key, last_key = tl.load(plan + 2), tl.load(plan + 3)
    slot, piece = tl.load(plan + 4), tl.load(plan + 5)
    if begin >= end:
        return
    column = head * HEAD
    q = queries.load([begin, column])
    most, weight, total = _weigh(
        q, keys, key, last_key, column, 0, scale, WIDTH, HEAD, QUERIES, KEYS, HALF_EXP=False, BULK=True
    )  # fmt: skip
    query, e = tl.arange(0, QUERIES), tl.arange(0, HEAD)
    row = begin + query
    place = out_ptr + row.to(tl.int64)[:, None] * WIDTH + column + e[None, :]
    if slot < 0:
        tl.store(place, (total / weight[:, None]).to(out_ptr.dtype.element_ty), mask=(row < end)[:, None])
    else:
        tile = scratch_ptr + (slot * HEADS + head) * PIECES * QUERIES * (HEAD + 2)
        mine = tile + piece * QUERIES * (HEAD + 2)
        tl.store(mine + query[:, None] * HEAD + e[None, :], total)
        tl.store(mine + QUERIES * HEAD + query, most)
        tl.store(mine + QUERIES * (HEAD + 1) + query, weight)
        tl.debug_barrier()
        n_before = tl.atomic_add(count_ptr + slot * HEADS + head, 1, sem="acq_rel", scope="gpu")
        if n_before == PIECES - 1:
            tl.store(count_ptr + slot * HEADS + head, 0)
            top = tl.full((QUERIES,), -float("inf"), dtype=tl.float32)
            for i in tl.static_range(PIECES):
                top = tl.maximum(
                    top, tl.load(tile + i * QUERIES * (HEAD + 2) + QUERIES * HEAD + query, cache_modifier=".cg")
                )
            total = tl.zeros((QUERIES, HEAD), dtype=tl.float32)
            weight = tl.zeros((QUERIES,), dtype=tl.float32)
            for i in tl.static_range(PIECES):
                part = tile + i * QUERIES * (HEAD + 2)
                share = tl.exp2(tl.load(part + QUERIES * HEAD + query, cache_modifier=".cg") - top)
                weight += share * tl.load(part + QUERIES * (HEAD + 1) + query, cache_modifier=".cg")
                o = tl.load(part + query[:, None] * HEAD + e[None, :], cache_modifier=".cg")
                total += share[:, None] * o
            tl.store(place, (total / weight[:, None]).to(out_ptr.dtype.element_ty), mask=(row < end)[:, None])


@dataclass(frozen=True)
class Plan:
    """table: (programs, 6) int32: rows of the tile, keys of the program, slot of a tile in pieces or -1, piece."""

    table: Tensor
    n_slots: int
    pieces: int


def plan(tiles: list[tuple[int, int, int]], heads: int, n_processors: int) -> Plan:
    """tiles: first query row and bounds of the sequence, as in Packing."""
    tiles = [tile for tile in tiles if tile[0] < tile[2]]
    left_over = len(tiles) * heads % n_processors
    n_slots = min(round(left_over / heads), len(tiles))
    pieces = min(MOST_PIECES, n_processors // (n_slots * heads)) if n_slots else 1
    shortest = min((end - first for _, first, end in tiles), default=0)
    if pieces < 2 or shortest < pieces * KEYS:
        n_slots, pieces = 0, 1
    whole, cut = tiles[: len(tiles) - n_slots], tiles[len(tiles) - n_slots :]
    table = [(begin, end, first, end, -1, 0) for begin, first, end in whole]
    for slot, (begin, first, end) in enumerate(cut):
        blocks = -(-(end - first) // KEYS)
        edges = [first + KEYS * (blocks * i // pieces) for i in range(pieces)] + [end]
        table += [(begin, end, edges[i], edges[i + 1], slot, i) for i in range(pieces)]
    return Plan(torch.tensor(table, dtype=torch.int32), n_slots, pieces)


@cache
def _workspace(device: torch.device) -> tuple[Tensor, Tensor]:
    """Partial results, and how many pieces of each tile are done; zero between launches."""
    n_most = 256
    return (
        torch.empty(n_most * MOST_PIECES * TILE * 66, device=device),
        torch.zeros(n_most, dtype=torch.int32, device=device),
    )


def attend(qkv: Tensor, packing: Packing, made: Plan) -> Tensor:
    """made: the plan of this packing's tiles, its table on the device."""
    n, _, heads, width = qkv.shape
    out = torch.empty(n, heads * width, dtype=qkv.dtype, device=qkv.device)
    rows = qkv.flatten(1)
    described = [TensorDescriptor.from_tensor(rows, [count, width]) for count in (TILE, KEYS)]
    _split_kernel[(heads, len(made.table))](
        *described, out, made.table, *_workspace(qkv.device), LOG2_E / width**0.5,
        WIDTH=heads * width, HEADS=heads, HEAD=width, QUERIES=TILE, KEYS=KEYS, PIECES=made.pieces, num_warps=4,
        num_stages=2,
    )  # fmt: skip
    return out
