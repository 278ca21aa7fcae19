"""The wide grouped convolutions with their gradients as Triton kernels, over frames of samples that lie end to end:
cuDNN launches one kernel a group. Imported only where Triton is.

Shapes: r frames of all samples, d channels in groups of w.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from locutor.engines.f5 import kernels

ROWS = 128


@triton.jit
def _weight_kernel(
    x_ptr, slope_ptr, out_ptr, first_ptr, end_ptr, n_rows,
    DIM: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr, TAPS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    tap = tl.program_id(0)
    group = tl.program_id(1)
    channel = tl.arange(0, BLOCK)
    inside = channel < WIDTH
    column = group * WIDTH + channel[None, :]
    total = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for begin in range(0, n_rows, ROWS):
        row = begin + tl.arange(0, ROWS)
        real = row < n_rows
        first = tl.load(first_ptr + row, mask=real, other=0)
        end = tl.load(end_ptr + row, mask=real, other=0)
        source = row + tap - TAPS // 2
        heard = (source >= first) & (source < end)
        x = tl.load(x_ptr + source.to(tl.int64)[:, None] * DIM + column, mask=heard[:, None] & inside, other=0.0)
        slope = tl.load(slope_ptr + row.to(tl.int64)[:, None] * DIM + column, mask=real[:, None] & inside, other=0.0)
        total = tl.dot(tl.trans(x), slope, total)
    place = ((group * TAPS + tap) * WIDTH + channel)[:, None] * WIDTH + channel[None, :]
    tl.store(out_ptr + place, total, mask=inside[:, None] & inside[None, :])


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, end: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, first, end)
        return kernels.convolve_within(x, kernels.tap_major(weight), bias, first, end, activated=False)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, first, end = ctx.saved_tensors
        slope = slope.contiguous()
        forth = kernels.tap_major(weight)
        back = forth.flip(1).transpose(2, 3).contiguous()
        of_x = kernels.convolve_within(slope, back, slope.new_zeros(x.shape[1]), first, end, activated=False)
        groups, taps, width, _ = forth.shape
        of_weight = torch.empty(forth.shape, device=x.device, dtype=torch.float32)
        _weight_kernel[(taps, groups)](
            x, slope, of_weight, first, end, len(x),
            DIM=x.shape[1], WIDTH=width, BLOCK=max(16, triton.next_power_of_2(width)), TAPS=taps, ROWS=ROWS,
            num_warps=4, num_stages=3,
        )  # fmt: skip
        of_weight = of_weight.permute(0, 3, 2, 1).reshape(weight.shape)  # (g, taps, in, out) -> (d, w, taps)
        return of_x, of_weight.to(weight.dtype), slope.sum(0, dtype=torch.float32).to(slope.dtype), None, None


@torch.compiler.disable
def convolve(x: Tensor, weight: Tensor, bias: Any, first: Tensor, end: Tensor) -> Tensor:
    """x: (r, d). weight: (d, w, taps) and bias (d,) of an nn.Conv1d, computed in x's type. first, end: (r,) int32, of
    a packing. Returns (r, d)."""
    y: Any = _Convolution.apply(x.contiguous(), weight.to(x.dtype), bias.to(x.dtype), first, end)  # type: ignore[no-untyped-call]
    return y  # type: ignore[no-any-return]
