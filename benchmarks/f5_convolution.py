"""The wide convolutions of training as Triton kernels, a candidate for training: cuDNN launches one kernel a group.

f5_training.py measures whether it pays. Rows are the b * n frames of a padded batch; x: (r, d), weight: (d, w, taps) of
a grouped nn.Conv1d with groups of w channels. first, end: (r,) int32, bounds of what each row hears; a padded row hears
nothing and is the bias.
"""

from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor, nn

from locutor.engines.f5.kernels import _convolve_kernel, tap_major

ROWS = 128


@triton.jit
def _weight_kernel(
    x_ptr, slope_ptr, out_ptr, first_ptr, end_ptr, n_rows,
    DIM: tl.constexpr, WIDTH: tl.constexpr, TAPS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    tap = tl.program_id(0)
    group = tl.program_id(1)
    channel = tl.arange(0, WIDTH)
    total = tl.zeros((WIDTH, WIDTH), dtype=tl.float32)
    for begin in range(0, n_rows, ROWS):
        row = begin + tl.arange(0, ROWS)
        real = row < n_rows
        first = tl.load(first_ptr + row, mask=real, other=0)
        end = tl.load(end_ptr + row, mask=real, other=0)
        source = row + tap - TAPS // 2
        heard = (source >= first) & (source < end)
        column = group * WIDTH + channel[None, :]
        x = tl.load(x_ptr + source.to(tl.int64)[:, None] * DIM + column, mask=heard[:, None], other=0.0)
        slope = tl.load(slope_ptr + row.to(tl.int64)[:, None] * DIM + column, mask=real[:, None], other=0.0)
        total = tl.dot(tl.trans(x), slope, total)
    place = ((group * TAPS + tap) * WIDTH + channel)[:, None] * WIDTH + channel[None, :]
    tl.store(out_ptr + place, total)


def _launch(x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, end: Tensor) -> Tensor:
    n, dim = x.shape
    groups, taps, width, _ = weight.shape
    out = torch.empty_like(x)
    _convolve_kernel[(triton.cdiv(n, ROWS), groups)](
        x, weight, bias, x, out, first, end, n,
        DIM=dim, WIDTH=width, BLOCK=width, TAPS=taps, ROWS=ROWS, ACTIVATED=False, ADDED=False, num_warps=8,
        num_stages=3,
    )  # fmt: skip
    return out


class Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, end: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, first, end)
        return _launch(x, tap_major(weight), bias, first, end)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, first, end = ctx.saved_tensors
        slope = slope.contiguous()
        turned = tap_major(weight)  # (g, taps, in, out)
        back = turned.flip(1).transpose(2, 3).contiguous()
        of_x = _launch(slope, back, slope.new_zeros(x.shape[1]), first, end)
        of_weight = torch.empty(turned.shape, device=x.device, dtype=torch.float32)
        groups, taps, width, _ = turned.shape
        _weight_kernel[(taps, groups)](
            x, slope, of_weight, first, end, len(x), DIM=x.shape[1], WIDTH=width, TAPS=taps, ROWS=ROWS, num_warps=4,
            num_stages=3,
        )  # fmt: skip
        of_weight = of_weight.permute(0, 3, 2, 1).reshape(weight.shape)  # (g, taps, in, out) -> (d, w, taps)
        return of_x, of_weight.to(weight.dtype), slope.sum(0, dtype=torch.float32).to(slope.dtype), None, None


@torch.compiler.disable
def embedded(self: Any, x: Tensor, valid: Tensor | None = None) -> Tensor:
    """ConvPositionEmbedding.forward with these kernels."""
    b, n, d = x.shape
    begin = torch.arange(b, device=x.device, dtype=torch.int32)[:, None].expand(b, n) * n
    real = torch.ones(b, n, device=x.device, dtype=torch.bool) if valid is None else valid[..., 0] > 0
    end = (begin + real.sum(1, dtype=torch.int32)[:, None]) * real
    first, end = (begin * real).flatten(), end.flatten()
    y = x.flatten(0, 1)
    for layer in self.conv1d:
        if isinstance(layer, nn.Conv1d):
            y = Convolution.apply(y.contiguous(), layer.weight.to(y.dtype), layer.bias.to(y.dtype), first, end)
        else:
            y = F.mish(y)
    return y.view(b, n, d) * real[..., None]


def adopt(network: Any) -> None:
    """Let a DiT compute its convolutions so."""
    part = network.input_embed.conv_pos_embed
    part.forward = MethodType(embedded, part)
