"""Building blocks of the F5 network, named as in the public checkpoints.

Shapes: b batch, n frames, d model width, h heads, e width of a head (64).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.f5.real_frames import RealFrames

HEAD_DIM = 64
ROPE_BASE = 10_000.0
NORM_EPS = 1e-6


class TimestepEmbedding(nn.Module):
    """Flow time t in [0, 1] -> (b, d), through 256 sinusoids."""

    n_sinusoids = 256

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(self.n_sinusoids, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, time: Tensor) -> Tensor:
        half = self.n_sinusoids // 2
        rate = torch.exp(torch.arange(half, device=time.device).float() * (-math.log(10_000) / (half - 1)))
        angle = 1000 * time.float()[:, None] * rate  # fp32: in half precision 1000 * t loses whole radians
        embedding = torch.cat([angle.sin(), angle.cos()], dim=-1)
        return self.time_mlp(embedding.to(next(self.time_mlp.parameters()).dtype))


class GRN(nn.Module):
    """Global response normalisation over the frames (ConvNeXt V2, arXiv 2301.00808).

    The statistics run over every frame of the sequence that `valid` admits: in a batch, each sample's own length.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, dim))
        self.beta = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        counted = x if valid is None else x * valid  # (b, n, d) * (b, n, 1)
        norm = torch.linalg.vector_norm(counted, dim=1, keepdim=True)  # (b, 1, d)
        response = norm / (norm.mean(dim=-1, keepdim=True) + 1e-6)
        return self.gamma * (x * response) + self.beta + x


class ConvNeXtV2Block(nn.Module):
    """Depthwise convolution over frames, then a widened pointwise layer; residual. (b, n, d) -> (b, n, d)."""

    def __init__(self, dim: int, intermediate_dim: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(dim, intermediate_dim)
        self.grn = GRN(intermediate_dim)
        self.pwconv2 = nn.Linear(intermediate_dim, dim)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        y = self.dwconv(x.transpose(1, 2)).transpose(1, 2)  # (b, n, d) -> (b, d, n) -> (b, n, d)
        y = self.grn(F.gelu(self.pwconv1(self.norm(y))), valid)
        return x + self.pwconv2(y)


class ConvPositionEmbedding(nn.Module):
    """Relative position by two wide grouped convolutions; frames outside `valid` count as zero."""

    def __init__(self, dim: int, kernel_size: int = 31, groups: int = 16) -> None:
        super().__init__()

        def conv() -> nn.Conv1d:
            return nn.Conv1d(dim, dim, kernel_size, padding=kernel_size // 2, groups=groups)

        self.conv1d = nn.Sequential(conv(), nn.Mish(), conv(), nn.Mish())

    def forward(self, x: Tensor, valid: Tensor | None = None, real: RealFrames | None = None) -> Tensor:
        if real is not None:
            for layer in self.conv1d:
                x = real.convolve(x, layer) if isinstance(layer, nn.Conv1d) else layer(x)
            return x
        keep = None if valid is None else valid.transpose(1, 2)  # (b, n, 1) -> (b, 1, n)
        y = x.transpose(1, 2)
        for layer in self.conv1d:
            if keep is not None and isinstance(layer, nn.Conv1d):
                y = y * keep
            y = layer(y)
        if keep is not None:
            y = y * keep
        return y.transpose(1, 2)


def rope_table(n: int, inv_freq: Tensor, start: int = 0) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the rotary angles for positions start .. start + n - 1, each (n, e), in float32.

    Adjacent pairs share a frequency (the interleaved form of x-transformers, which the public checkpoints use).
    """
    position = torch.arange(start, start + n, device=inv_freq.device).float()
    angle = torch.outer(position, inv_freq.float()).repeat_interleave(2, dim=-1)
    return angle.cos(), angle.sin()


def apply_rope(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate adjacent pairs of the last dimension; x: (b, h, n, e). Computed in float32, returned in x's type."""
    cos, sin = rope
    x32 = x.float()
    if x.device.type == "cpu":  # the same in one pass over memory; no compiler for a GPU fuses complex numbers
        turns = torch.complex(cos[..., ::2], sin[..., ::2])
        pairs = torch.view_as_complex(x32.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)
    turned = torch.stack([-x32[..., 1::2], x32[..., ::2]], dim=-1).flatten(-2)
    return (x32 * cos + turned * sin).to(x.dtype)


def rope_frequencies(head_dim: int = HEAD_DIM) -> Tensor:
    """Inverse frequencies, (e / 2,)."""
    return 1.0 / ROPE_BASE ** (torch.arange(0, head_dim, 2).float() / head_dim)


class FeedForward(nn.Module):
    """(b, n, d) -> (b, n, d) through a layer `mult` times wider, GELU by its tanh approximation."""

    def __init__(self, dim: int, mult: int, dropout: float = 0.0) -> None:
        super().__init__()
        widen = nn.Sequential(nn.Linear(dim, dim * mult), nn.GELU(approximate="tanh"))
        self.ff = nn.Sequential(widen, nn.Dropout(dropout), nn.Linear(dim * mult, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.ff(x)


def modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Layer-normalise without affine weights, scale and shift; x: (b, n, d), the others (b, d) or (b, 1, d)."""
    if scale.dim() == 2:
        scale, shift = scale[:, None], shift[:, None]
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=NORM_EPS), 1 + scale)


class AdaLayerNorm(nn.Module):
    """The linear layer behind an adaptive norm: (b, d) time embedding -> `n_chunks` tensors of (b, d)."""

    def __init__(self, dim: int, n_chunks: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, n_chunks * dim)
        self.n_chunks = n_chunks

    def forward(self, time: Tensor) -> tuple[Tensor, ...]:
        return self.linear(F.silu(time)).chunk(self.n_chunks, dim=-1)
