"""The vocoder's convolutions on a CUDA device, each one Triton kernel with what stands around it.

Samples lie beside each other by channel, (b, t, c), so that a convolution is one matrix product a tap. Leaky ReLU goes
before it, bias, sum and tanh after it, in the same kernel; arithmetic is float32 but for the factors of products.
Tested against the plain network; imported only where Triton is.
b: batch, t: frames or samples, c: channels.
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from locutor.engines.xtts.hifigan import LAST_SLOPE, SLOPE, WaveformDecoder

NARROWEST = 16  # channels of a product of matrices


@triton.jit
def _convolve_kernel(
    x_ptr, weight_ptr, bias_ptr, added_ptr, out_ptr, n_times, bias_stride, slope,
    C_IN: tl.constexpr, C_OUT: tl.constexpr, TAPS: tl.constexpr, DILATION: tl.constexpr,
    TIMES: tl.constexpr, IN: tl.constexpr, OUT: tl.constexpr, ADDED: tl.constexpr, TANH: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(2).to(tl.int64)
    time = tl.program_id(0) * TIMES + tl.arange(0, TIMES)
    out_channel = tl.program_id(1) * OUT + tl.arange(0, OUT)
    in_channel = tl.arange(0, IN)
    wanted = out_channel < C_OUT
    total = tl.zeros((TIMES, OUT), dtype=tl.float32)
    parts: tl.constexpr = (C_IN + IN - 1) // IN
    for step in range(TAPS * parts):
        tap, first = step // parts, step % parts * IN
        known = first + in_channel < C_IN
        source = time + (tap - TAPS // 2) * DILATION
        heard = (source >= 0) & (source < n_times)
        x = tl.load(
            x_ptr + (row * n_times + source)[:, None] * C_IN + (first + in_channel)[None, :],
            mask=heard[:, None] if C_IN % IN == 0 else heard[:, None] & known[None, :],
            other=0.0,
        )
        x = tl.where(x > 0, x, (x * slope).to(x.dtype))
        weight = tl.load(
            weight_ptr + (tap * C_IN + first + in_channel)[:, None] * C_OUT + out_channel[None, :],
            mask=wanted[None, :] if C_IN % IN == 0 else wanted[None, :] & known[:, None],
            other=0.0,
        )
        total = tl.dot(x, weight, total, input_precision="tf32")
    total += tl.load(bias_ptr + row * bias_stride + out_channel, mask=wanted, other=0.0).to(tl.float32)[None, :]
    place = (row * n_times + time)[:, None] * C_OUT + out_channel[None, :]
    here = (time < n_times)[:, None] & wanted[None, :]
    if ADDED:
        total += tl.load(added_ptr + place, mask=here, other=0.0).to(tl.float32)
    if TANH:
        e = tl.exp(-2.0 * tl.abs(total))
        total = tl.where(total < 0, -1.0, 1.0) * (1.0 - e) / (1.0 + e)
    tl.store(out_ptr + place, total.to(out_ptr.dtype.element_ty), mask=here)


@dataclass(frozen=True)
class Convolution:
    """weight: (taps, c_in, c_out). bias: (1 or b, c_out)."""

    weight: Tensor
    bias: Tensor
    dilation: int = 1

    @classmethod
    def of(cls, conv: Any) -> "Convolution":
        """conv: an nn.Conv1d."""
        weight = conv.weight.permute(2, 1, 0).contiguous()
        bias = weight.new_zeros(weight.shape[2]) if conv.bias is None else conv.bias
        return cls(weight, bias[None].contiguous(), conv.dilation[0])

    @classmethod
    def of_upsampling(cls, conv: Any) -> "Convolution":
        """Of an nn.ConvTranspose1d, a stride of r as r times the channels: (b, t, r * c) is (b, t * r, c).

        A sample depends on the frame that it is in and the nearer of its neighbours.
        """
        c_in, c_out, kernel = conv.weight.shape
        r, cut = conv.stride[0], conv.padding[0]
        weight = conv.weight.new_zeros(3, c_in, r, c_out)
        for tap in range(3):
            for phase in range(r):
                k = phase + cut - (tap - 1) * r
                if 0 <= k < kernel:
                    weight[tap, :, phase] = conv.weight[:, :, k]
        return cls(weight.view(3, c_in, r * c_out), conv.bias.repeat(r)[None])

    def __call__(
        self, x: Tensor, slope: float, bias: Tensor | None = None, added: Tensor | None = None, tanh: bool = False
    ) -> Tensor:
        """(b, t, c_in) -> (b, t, c_out). slope: of the leaky ReLU before it, 1 for none. bias: instead of the own.
        added: (b, t, c_out), to the result."""
        b, t, c_in = x.shape
        taps, _, c_out = self.weight.shape
        bias = self.bias if bias is None else bias
        out = x.new_empty(b, t, c_out)
        times, outs = tile(c_out)
        ins = min(max(NARROWEST, triton.next_power_of_2(c_in)), 128 // x.element_size())
        grid = (triton.cdiv(t, times), triton.cdiv(c_out, outs), b)
        _convolve_kernel[grid](
            x, self.weight, bias, x if added is None else added, out, t, bias.stride(0) if len(bias) > 1 else 0, slope,
            C_IN=c_in, C_OUT=c_out, TAPS=taps, DILATION=self.dilation, TIMES=times, IN=ins, OUT=outs,
            ADDED=added is not None, TANH=tanh, num_warps=8 if outs > 64 else 4, num_stages=3,
        )  # fmt: skip
        return out


def tile(c_out: int) -> tuple[int, int]:
    """Times and channels that one program makes."""
    return 128, max(NARROWEST, min(128, triton.next_power_of_2(c_out)))


class FusedResBlock:
    def __init__(self, block: Any) -> None:
        """block: a ResBlock."""
        self._pairs = [
            (Convolution.of(dilated), Convolution.of(plain))
            for dilated, plain in zip(block.convs1, block.convs2, strict=True)
        ]

    def __call__(self, x: Tensor) -> Tensor:
        for dilated, plain in self._pairs:
            x = plain(dilated(x, SLOPE), SLOPE, added=x)
        return x


class FusedWaveformDecoder:
    """WaveformDecoder in these kernels, with the weights that it has now, in their type."""

    def __init__(self, decoder: WaveformDecoder) -> None:
        self._decoder, self.n_kernels = decoder, decoder.n_kernels
        self._pre, self._post = Convolution.of(decoder.conv_pre), Convolution.of(decoder.conv_post)
        self._ups = [Convolution.of_upsampling(up) for up in decoder.ups]
        self._blocks = [FusedResBlock(block) for block in decoder.resblocks]

    @property
    def dtype(self) -> torch.dtype:
        return self._post.weight.dtype

    def __call__(self, frames: Tensor, speaker: Tensor) -> Tensor:
        """(b, d, t) and (b, g, 1) -> samples (b, t * hop)"""
        decoder, b = self._decoder, len(frames)
        x = self._pre(frames.transpose(1, 2).contiguous(), 1.0, self._pre.bias + decoder.cond_layer(speaker)[..., 0])
        for level, (up, cond) in enumerate(zip(self._ups, decoder.conds, strict=True)):
            told = cond(speaker)[..., 0]  # (b, c)
            x = up(x, SLOPE, up.bias + told.repeat(1, up.bias.shape[1] // told.shape[1])).view(b, -1, told.shape[1])
            first, *others = self._blocks[level * self.n_kernels : (level + 1) * self.n_kernels]
            total = first(x)
            for block in others:
                total += block(x)
            x = total.div_(self.n_kernels)
        return self._post(x, LAST_SLOPE, tanh=True)[..., 0]
