"""The frames of a padded batch that are not padding, laid end to end, so that training computes nothing for padding.

Shapes: b samples padded to n frames each, r real frames of all of them, h heads, e width of a head.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.device import sent
from locutor.engines.f5.packing import Packing


class RealFrames(NamedTuple):
    """place, sample: (r,) int64, where each stands among the b * n frames, and whose it is. first, end, bounds,
    longest: of the samples' Packing, without its lengths, for whose number a compiler would compile anew.

    kernels: whether attention and convolution use kernels for unequal lengths instead of one sample after the other:
    half precision on a CUDA device that runs Triton, with a PyTorch that has variable-length attention.
    """

    place: Tensor
    sample: Tensor
    first: Tensor
    end: Tensor
    bounds: Tensor
    longest: int
    kernels: bool = False

    @classmethod
    def of(cls, lengths: Sequence[int], n: int, device: torch.device | str = "cpu", kernels: bool = False) -> Self:
        """lengths: of each sample. n: frames that all are padded to."""
        packing = Packing.of(lengths, device)
        sample = sent(torch.from_numpy(np.arange(len(lengths)).repeat(lengths)), device)
        place = packing.position + n * sample
        return cls(place, sample, packing.first, packing.end, packing.bounds, packing.longest, kernels)

    @property
    def position(self) -> Tensor:
        """Of each in its sample, (r,)."""
        return torch.arange(len(self.first), device=self.first.device) - self.first

    @property
    def spans(self) -> list[slice]:
        """Of each sample that is not empty; waits for the device."""
        return [slice(start, end) for start, end in pairwise(self.bounds.tolist()) if end > start]

    def take(self, x: Tensor) -> Tensor:
        """(b, n, ...) -> (1, r, ...)."""
        return x.flatten(0, 1).index_select(0, self.place)[None]

    def spread(self, vectors: Tensor) -> Tensor:
        """What belongs to a sample, for each of its frames: (b, d) -> (1, r, d)."""
        return _Spread.apply(vectors, self.sample)[None]  # type: ignore[no-untyped-call, no-any-return]

    def scale(self, x: Tensor, vectors: Tensor) -> Tensor:
        """x times what is spread, which is not kept for the gradient; (1, r, d) and (b, d) -> (1, r, d)."""
        return _Scale.apply(x[0], vectors, self.sample)[None]  # type: ignore[no-untyped-call, no-any-return]

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention within each sample; (1, h, r, e) each -> (1, h, r, e)."""
        if not self.kernels:
            parts = [F.scaled_dot_product_attention(query[:, :, s], key[:, :, s], value[:, :, s]) for s in self.spans]
            return torch.cat(parts, dim=2)
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))  # (1, h, r, e) -> (r, h, e)
        y: Any = varlen_attn(q, k, v, self.bounds, self.bounds, self.longest, self.longest)
        return y.transpose(0, 1)[None]  # type: ignore[no-any-return]

    def convolve(self, x: Tensor, layer: nn.Conv1d) -> Tensor:
        """A layer that keeps lengths over the frames of each sample, zero outside it; (1, r, d) -> (1, r, d)."""
        if self.kernels:
            from locutor.engines.f5.convolution_kernels import convolve

            return convolve(x[0], layer.weight, layer.bias, self.first, self.end)[None]
        x = x.transpose(1, 2)
        return torch.cat([layer(x[..., s]) for s in self.spans], dim=2).transpose(1, 2)


class _Spread(torch.autograd.Function):
    """vectors[sample], whose gradient is one product: adding row by row would write few vectors thousands of times."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, sample: Tensor) -> Tensor:
        ctx.save_for_backward(sample)
        ctx.n = len(vectors)
        return vectors[sample]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (sample,) = ctx.saved_tensors
        return _added_up(slope, sample, ctx.n), None


class _Scale(torch.autograd.Function):
    """x * vectors[sample]. Keeping vectors[sample] for all blocks took 2 GiB for 8,400 frames of F5TTS_v1_Base."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, vectors: Tensor, sample: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, vectors, sample)
        ctx.dtype = x.dtype
        return x * vectors[sample]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor | None, None]:  # type: ignore[override]
        x, vectors, sample = ctx.saved_tensors
        of_vectors = None if x is None else _added_up((slope * x).to(vectors.dtype), sample, len(vectors))
        return (slope * vectors[sample]).to(ctx.dtype), of_vectors, None


def _added_up(x: Tensor, sample: Tensor, n: int) -> Tensor:
    """Frames of each of n samples added up, (r, d) -> (n, d)."""
    owner = torch.arange(n, device=sample.device)[:, None] == sample
    return owner.to(x.dtype) @ x
