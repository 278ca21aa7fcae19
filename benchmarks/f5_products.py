"""Matrix products that end in what follows them, tried beside cuBLAS: rotary positions, or gate and residual sum.

A candidate for engines/f5/kernels.py; f5_variants.py measures whether it pays. Shapes as in engines/f5/ops.py.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from locutor.engines.f5.packing import Packing

GROUP = 8  # row tiles that share the weights in the cache


@dataclass(frozen=True)
class Tiles:
    rows: int
    columns: int
    inner: int
    warps: int
    stages: int


TRIED = (
    Tiles(128, 256, 64, 8, 3), Tiles(128, 128, 64, 4, 4), Tiles(128, 128, 64, 8, 4), Tiles(256, 128, 64, 8, 3),
    Tiles(64, 256, 64, 4, 4),
)  # fmt: skip


@triton.jit
def _product_kernel(
    x_desc, weight_desc, bias_ptr, out_ptr, cos_ptr, sin_ptr, first_ptr, sum_ptr, gate_ptr, n_rows, n_columns, n_inner,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, INNER: tl.constexpr, GROUP: tl.constexpr, TURNED: tl.constexpr,
    HEAD: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    n_down, n_across = tl.cdiv(n_rows, ROWS), tl.cdiv(n_columns, COLUMNS)
    group = tile // (GROUP * n_across)
    height = min(n_down - group * GROUP, GROUP)
    down = group * GROUP + (tile % (GROUP * n_across)) % height
    across = (tile % (GROUP * n_across)) // height
    total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    for k in range(0, n_inner, INNER):
        x = x_desc.load([down * ROWS, k])
        weight = weight_desc.load([across * COLUMNS, k])
        total = tl.dot(x, weight.T, total)
    row = down * ROWS + tl.arange(0, ROWS)
    column = across * COLUMNS + tl.arange(0, COLUMNS)
    real = row < n_rows
    total += tl.load(bias_ptr + column).to(tl.float32)[None, :]
    place = row.to(tl.int64)[:, None] * n_columns + column[None, :]
    if GATED:
        before = tl.load(sum_ptr + place, mask=real[:, None], other=0.0).to(tl.float32)
        total = before + tl.load(gate_ptr + column)[None, :] * total
    if across * COLUMNS < TURNED:
        position = row - tl.load(first_ptr + row, mask=real, other=0)
        angle = position[:, None] * HEAD + 2 * tl.arange(0, HEAD // 2)[None, :]
        cos = tl.load(cos_ptr + angle, mask=real[:, None], other=0.0)[:, None, :]
        sin = tl.load(sin_ptr + angle, mask=real[:, None], other=0.0)[:, None, :]
        even, odd = tl.split(tl.reshape(total, (ROWS, COLUMNS // HEAD, HEAD // 2, 2)))
        turned = tl.join(even * cos - odd * sin, odd * cos + even * sin)
        total = tl.reshape(turned, (ROWS, COLUMNS))
    tl.store(out_ptr + place, total.to(out_ptr.dtype.element_ty), mask=real[:, None])


def _product(
    x: Tensor, weight: Tensor, bias: Tensor, tiles: Tiles, rope: tuple[Tensor, Tensor] | None, first: Tensor | None,
    total: Tensor | None, gate: Tensor | None, turned: int, head: int,
) -> Tensor:  # fmt: skip
    (rows, inner), columns = x.shape, len(weight)
    assert columns % tiles.columns == 0 and turned % tiles.columns == 0, (columns, turned, tiles)
    out = torch.empty(rows, columns, dtype=x.dtype if total is None else total.dtype, device=x.device)
    cos, sin = (bias, bias) if rope is None else rope
    grid = (triton.cdiv(rows, tiles.rows) * (columns // tiles.columns),)
    _product_kernel[grid](
        TensorDescriptor.from_tensor(x, [tiles.rows, tiles.inner]),
        TensorDescriptor.from_tensor(weight, [tiles.columns, tiles.inner]),
        bias, out, cos, sin, out if first is None else first, out if total is None else total,
        bias if gate is None else gate, rows, columns, inner,
        ROWS=tiles.rows, COLUMNS=tiles.columns, INNER=tiles.inner, GROUP=GROUP, TURNED=turned, HEAD=head,
        GATED=gate is not None, num_warps=tiles.warps, num_stages=tiles.stages,
    )  # fmt: skip
    return out


def turned_qkv(
    x: Tensor, weight: Tensor, bias: Tensor, rope: tuple[Tensor, Tensor], packing: Packing, tiles: Tiles
) -> Tensor:
    """Queries, keys and values of (r, d), queries and keys of all heads rotated: (r, 3 * d)."""
    turned = 2 * len(weight) // 3
    return _product(x, weight, bias, tiles, rope, packing.first, None, None, turned, rope[0].shape[1])


def added_product(x: Tensor, weight: Tensor, bias: Tensor, total: Tensor, gate: Tensor, tiles: Tiles) -> Tensor:
    """total + gate * (x @ weight.T + bias), total (r, d) kept as it is."""
    return _product(x, weight, bias, tiles, None, None, total, gate, 0, 64)
