"""The operations of ops.py as Triton kernels. Each is tested against the plain one; imported only where Triton is.

Names in capitals are constants of a compiled kernel. Addresses are computed in int64 where a batch can exceed 2^31
elements.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from locutor.engines.f5.modules import NORM_EPS
from locutor.engines.f5.ops import Ops
from locutor.engines.f5.packing import TILE, Packing

LOG2_E = 1.4426950408889634


@triton.jit
def _enter_kernel(
    state_ptr, weight_ptr, context_ptr, out_ptr, n_rows,
    PARTS: tl.constexpr, BANDS: tl.constexpr, BLOCK: tl.constexpr, DIM: tl.constexpr, ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    band = tl.arange(0, BLOCK)
    real, inside, known = row < n_rows, column < DIM, band < BANDS
    state = tl.load(
        state_ptr + row.to(tl.int64)[:, None] * BANDS + band[None, :], mask=real[:, None] & known[None, :], other=0.0
    )
    weight = tl.load(
        weight_ptr + column[:, None] * BANDS + band[None, :], mask=inside[:, None] & known[None, :], other=0.0
    )
    product = tl.dot(state.to(weight.dtype), tl.trans(weight))
    here = real[:, None] & inside[None, :]
    for part in tl.static_range(PARTS):
        place = (part * n_rows + row).to(tl.int64)[:, None] * DIM + column[None, :]
        context = tl.load(context_ptr + place, mask=here, other=0.0).to(tl.float32)
        tl.store(out_ptr + place, (context + product).to(out_ptr.dtype.element_ty), mask=here)


@triton.jit
def _advance_kernel(
    state_ptr, velocity_ptr, factors_ptr, n_rows, stride, BANDS: tl.constexpr, GUIDED: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    row, band = place // BANDS, place % BANDS
    real = row < n_rows
    state = tl.load(state_ptr + place, mask=real, other=0.0)
    velocity = tl.load(velocity_ptr + row * stride + band, mask=real, other=0.0).to(tl.float32)
    if GUIDED:
        uncond = tl.load(velocity_ptr + (row + n_rows) * stride + band, mask=real, other=0.0).to(tl.float32)
        velocity += (velocity - uncond) * tl.load(factors_ptr + 1)
    tl.store(state_ptr + place, state + velocity * tl.load(factors_ptr), mask=real)


@triton.jit
def _modulate_kernel(
    x_ptr, y_ptr, gate_ptr, scale_ptr, shift_ptr, out_ptr, n_rows,
    DIM: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, GATED: tl.constexpr, EPS: tl.constexpr,
):  # fmt: skip
    column = tl.arange(0, BLOCK)
    inside = column < DIM
    scale = 1.0 + tl.load(scale_ptr + column, mask=inside, other=0.0)
    shift = tl.load(shift_ptr + column, mask=inside, other=0.0)
    gate = tl.load(gate_ptr + column, mask=inside, other=0.0) if GATED else shift
    for i in tl.static_range(ROWS):
        row = tl.program_id(0).to(tl.int64) * ROWS + i
        here = inside & (row < n_rows)
        place = row * DIM + column
        x = tl.load(x_ptr + place, mask=here, other=0.0).to(tl.float32)
        if GATED:
            x += gate * tl.load(y_ptr + place, mask=here, other=0.0).to(tl.float32)
            tl.store(x_ptr + place, x.to(x_ptr.dtype.element_ty), mask=here)
        centred = tl.where(inside, x - tl.sum(x, axis=0) / DIM, 0.0)
        variance = tl.sum(centred * centred, axis=0) / DIM
        normed = centred * tl.rsqrt(variance + EPS)
        tl.store(out_ptr + place, (normed * scale + shift).to(out_ptr.dtype.element_ty), mask=here)


@triton.jit
def _turn_kernel(
    qkv_ptr, cos_ptr, sin_ptr, first_ptr, n_rows, stride,
    WIDTH: tl.constexpr, PAIRS: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, HEAD: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    real = row < n_rows
    position = row - tl.load(first_ptr + row, mask=real, other=0)
    column = tl.arange(0, 2 * BLOCK)
    here = real[:, None] & (column < 2 * PAIRS)[None, :]
    place = row[:, None] * stride + tl.program_id(1) * WIDTH + column[None, :]
    x = tl.load(qkv_ptr + place, mask=here, other=0.0).to(tl.float32)
    even, odd = tl.split(tl.reshape(x, (ROWS, BLOCK, 2)))
    # Both of a pair have the same angle, so the tables are read at every other column.
    angle = position[:, None] * HEAD + (2 * tl.arange(0, BLOCK) % HEAD)[None, :]
    cos = tl.load(cos_ptr + angle, mask=real[:, None], other=0.0)
    sin = tl.load(sin_ptr + angle, mask=real[:, None], other=0.0)
    turned = tl.reshape(tl.join(even * cos - odd * sin, odd * cos + even * sin), (ROWS, 2 * BLOCK))
    tl.store(qkv_ptr + place, turned.to(qkv_ptr.dtype.element_ty), mask=here)


@triton.jit
def _convolve_kernel(
    x_ptr, weight_ptr, bias_ptr, added_ptr, out_ptr, first_ptr, end_ptr, n_rows,
    DIM: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, TAPS: tl.constexpr, ROWS: tl.constexpr,
    ACTIVATED: tl.constexpr, ADDED: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    group = tl.program_id(1)
    real = row < n_rows
    first = tl.load(first_ptr + row, mask=real, other=0)
    end = tl.load(end_ptr + row, mask=real, other=0)
    channel = tl.arange(0, BLOCK)
    inside = channel < WIDTH
    total = tl.zeros((ROWS, BLOCK), dtype=tl.float32)
    for tap in range(TAPS):
        source = row + tap - TAPS // 2
        heard = (source >= first) & (source < end)
        x = tl.load(
            x_ptr + source.to(tl.int64)[:, None] * DIM + group * WIDTH + channel[None, :],
            mask=heard[:, None] & inside[None, :],
            other=0.0,
        )
        # weight: (groups, taps, in, out)
        weight = tl.load(
            weight_ptr + ((group * TAPS + tap) * WIDTH + channel)[:, None] * WIDTH + channel[None, :],
            mask=inside[:, None] & inside[None, :],
            other=0.0,
        )
        total = tl.dot(x.to(weight.dtype), weight, total)
    total += tl.load(bias_ptr + group * WIDTH + channel, mask=inside, other=0.0).to(tl.float32)[None, :]
    y = total
    if ACTIVATED:
        # mish = x * tanh(log(1 + e^x)) = x * n / (n + 2) with n = e^x (e^x + 2); beyond 20 it is x in float32
        e = tl.exp(tl.minimum(total, 20.0))
        n = e * (e + 2.0)
        y = total * (n / (n + 2.0))
    place = row.to(tl.int64)[:, None] * DIM + group * WIDTH + channel[None, :]
    here = real[:, None] & inside[None, :]
    if ADDED:
        y += tl.load(added_ptr + place, mask=here, other=0.0).to(tl.float32)
    tl.store(out_ptr + place, y.to(out_ptr.dtype.element_ty), mask=here)


@triton.jit
def _read(rows, begin, end, column, stride, COUNT: tl.constexpr, HEAD: tl.constexpr, BULK: tl.constexpr):
    """COUNT rows of a head from begin on. What lies at and after end is zero, but in BULK whatever is there."""
    if BULK:
        return rows.load([begin, column])
    else:
        row = begin + tl.arange(0, COUNT)
        place = row.to(tl.int64)[:, None] * stride + column + tl.arange(0, HEAD)[None, :]
        return tl.load(rows + place, mask=(row < end)[:, None], other=0.0)


@triton.jit
def _weigh(
    q, keys, first, end, column, stride, scale,
    WIDTH: tl.constexpr, HEAD: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr, BULK: tl.constexpr,
):  # fmt: skip
    """What queries get from the keys first to end: values, weighted by the softmax of their scores."""
    most = tl.full((QUERIES,), -float("inf"), dtype=tl.float32)
    weight = tl.zeros((QUERIES,), dtype=tl.float32)
    total = tl.zeros((QUERIES, HEAD), dtype=tl.float32)
    whole = first + (end - first) // KEYS * KEYS
    for start in range(first, whole, KEYS):
        k = _read(keys, start, whole, WIDTH + column, stride, KEYS, HEAD, BULK)
        s = tl.dot(q, tl.trans(k))
        risen = tl.maximum(most, tl.max(s, axis=1) * scale)
        p = tl.exp2(s * scale - risen[:, None])
        faded = tl.exp2(most - risen)
        weight = weight * faded + tl.sum(p, axis=1)
        v = _read(keys, start, whole, 2 * WIDTH + column, stride, KEYS, HEAD, BULK)
        total = tl.dot(p.to(v.dtype), v, total * faded[:, None])
        most = risen
    if whole < end:
        known = whole + tl.arange(0, KEYS) < end
        k = _read(keys, whole, end, WIDTH + column, stride, KEYS, HEAD, BULK)
        s = tl.where(known[None, :], tl.dot(q, tl.trans(k)), -float("inf"))
        risen = tl.maximum(most, tl.max(s, axis=1) * scale)
        p = tl.exp2(s * scale - risen[:, None])
        faded = tl.exp2(most - risen)
        weight = weight * faded + tl.sum(p, axis=1)
        v = _read(keys, whole, end, 2 * WIDTH + column, stride, KEYS, HEAD, BULK)
        v = tl.where(known[:, None], v, 0.0)  # a weight of zero does not undo what is not a number in a neighbour
        total = tl.dot(p.to(v.dtype), v, total * faded[:, None])
        most = risen
    return total / weight[:, None]


@triton.jit
def _attend_kernel(
    queries, keys, out_ptr, tiles_ptr, stride, scale,
    WIDTH: tl.constexpr, HEAD: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr, BULK: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    column = tl.program_id(1) * HEAD
    begin = tl.load(tiles_ptr + 3 * tile)
    first = tl.load(tiles_ptr + 3 * tile + 1)
    end = tl.load(tiles_ptr + 3 * tile + 2)
    if begin >= end:
        return
    q = _read(queries, begin, end, column, stride, QUERIES, HEAD, BULK)
    y = _weigh(q, keys, first, end, column, stride, scale, WIDTH, HEAD, QUERIES, KEYS, BULK)
    row = begin + tl.arange(0, QUERIES)
    place = row.to(tl.int64)[:, None] * WIDTH + column + tl.arange(0, HEAD)[None, :]
    tl.store(out_ptr + place, y.to(out_ptr.dtype.element_ty), mask=(row < end)[:, None])


# Sizes that were fastest on an H200 (docs/performance.md).
MODULATE_ROWS, MODULATE_WARPS = 4, 2
TURN_ROWS = 2
ENTER_ROWS, ENTER_COLUMNS = 64, 64
ADVANCE_BLOCK = 1024
COLUMNS = 128


def enter(state: Tensor, weight: Tensor, context: Tensor) -> Tensor:
    (n, bands), dim = state.shape, len(weight)
    out = torch.empty_like(context)
    _enter_kernel[(triton.cdiv(n, ENTER_ROWS), triton.cdiv(dim, ENTER_COLUMNS))](
        state, weight, context, out, n,
        PARTS=len(context) // n, BANDS=bands, BLOCK=triton.next_power_of_2(bands), DIM=dim, ROWS=ENTER_ROWS,
        COLUMNS=ENTER_COLUMNS, num_warps=4,
    )  # fmt: skip
    return out


def advance(state: Tensor, velocity: Tensor, factors: Tensor) -> Tensor:
    n, bands = state.shape
    _advance_kernel[(triton.cdiv(n * bands, ADVANCE_BLOCK),)](
        state, velocity, factors, n, velocity.stride(0),
        BANDS=bands, GUIDED=len(velocity) > n, BLOCK=ADVANCE_BLOCK, num_warps=4,
    )  # fmt: skip
    return state


def modulate(x: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> Tensor:
    out = torch.empty(x.shape, dtype=dtype, device=x.device)
    _run_modulate(x, None, scale, scale, shift, out)
    return out


def add_gated(
    x: Tensor, y: Tensor, gate: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """x is changed in place."""
    out = torch.empty(x.shape, dtype=dtype, device=x.device)
    _run_modulate(x, y, gate, scale, shift, out)
    return x, out


def _run_modulate(x: Tensor, y: Tensor | None, gate: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> None:
    n, dim = x.shape
    _modulate_kernel[(triton.cdiv(n, MODULATE_ROWS),)](
        x, x if y is None else y, gate, scale, shift, out, n,
        DIM=dim, BLOCK=triton.next_power_of_2(dim), ROWS=MODULATE_ROWS, GATED=y is not None, EPS=NORM_EPS,
        num_warps=MODULATE_WARPS,
    )  # fmt: skip


def turn(qkv: Tensor, rope: tuple[Tensor, Tensor], packing: Packing, n_heads: int) -> Tensor:
    """qkv is changed in place."""
    n, _, heads, width = qkv.shape
    pairs = n_heads * width // 2
    _turn_kernel[(triton.cdiv(n, TURN_ROWS), 2)](
        qkv, *rope, packing.first, n, qkv.stride(0),
        WIDTH=heads * width, PAIRS=pairs, BLOCK=triton.next_power_of_2(pairs), ROWS=TURN_ROWS, HEAD=width, num_warps=4,
    )  # fmt: skip
    return qkv


def convolve(x: Tensor, weight: Tensor, bias: Tensor, packing: Packing, added_to: Tensor | None = None) -> Tensor:
    return convolve_within(x, weight, bias, packing.first, packing.end, added_to)


def convolve_within(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    first: Tensor,
    end: Tensor,
    added_to: Tensor | None = None,
    *,
    activated: bool = True,
    rows: int = 128,
    num_warps: int = 8,
    num_stages: int = 3,
) -> Tensor:
    """weight as tap_major gives it; first, end: of a packing; activated: by Mish; rows: of one program."""
    n, dim = x.shape
    groups, taps, width, _ = weight.shape
    out = torch.empty(x.shape, dtype=weight.dtype if added_to is None else added_to.dtype, device=x.device)
    _convolve_kernel[(triton.cdiv(n, rows), groups)](
        x, weight, bias, x if added_to is None else added_to, out, first, end, n,
        DIM=dim, WIDTH=width, BLOCK=max(16, triton.next_power_of_2(width)), TAPS=taps, ROWS=rows,
        ACTIVATED=activated, ADDED=added_to is not None, num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out


def tap_major(weight: Tensor) -> Tensor:
    """Weight of a grouped nn.Conv1d, (d, in, taps), as the kernel reads it: (groups, taps, in, out)."""
    width = weight.shape[1]
    return (
        weight.view(-1, width, width, weight.shape[2]).permute(0, 3, 2, 1).contiguous()
    )  # (g, out, in, taps) -> (g, taps, in, out)


def attend(
    qkv: Tensor,
    packing: Packing,
    *,
    queries: int = TILE,
    keys: int = 128,
    num_warps: int = 4,
    num_stages: int = 2,
) -> Tensor:
    """From Hopper on, tiles come by the device's bulk copies: 42 us where loads by every thread took 51."""
    n, _, heads, width = qkv.shape
    out = torch.empty(n, heads * width, dtype=qkv.dtype, device=qkv.device)
    bulk = torch.cuda.get_device_capability(qkv.device) >= (9, 0)
    rows = qkv.flatten(1)  # a view, (r, 3 * h * e)
    described = [TensorDescriptor.from_tensor(rows, [count, width]) if bulk else rows for count in (queries, keys)]
    _attend_kernel[(len(packing.tiles), heads)](
        *described, out, packing.tiles, qkv.stride(0), LOG2_E / width**0.5,
        WIDTH=heads * width, HEAD=width, QUERIES=queries, KEYS=keys, BULK=bulk,
        num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return out


def flash_attend(qkv: Tensor, packing: Packing) -> Tensor:
    """The flash kernel that PyTorch carries, in its form for sequences of unequal lengths."""
    q, k, v = qkv.unbind(1)
    bounds, longest = packing.bounds, packing.longest
    y = torch.ops.aten._flash_attention_forward(q, k, v, bounds, bounds, longest, longest, 0.0, False, False)[0]
    return y.flatten(1)


def widen(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Linear layer and tanh GELU in one matrix product's epilogue."""
    return torch._addmm_activation(bias, x, weight.T, use_gelu=True)


OPS = Ops(
    "triton", enter, advance, modulate, add_gated, turn, convolve, attend, widen, tap_major,
    capturable=True, columns=COLUMNS,
)  # fmt: skip
