"""From the mel of a reference to the latents that stand before the text: encoder and perceiver.

b: batch, d: model channels, t: mel frames, l: latents, h: heads.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.mel import N_MELS


def _n_groups(channels: int) -> int:
    """Upstream's choice for its group norms."""
    groups = 8 if channels <= 16 else 16 if channels <= 64 else 32
    while channels % groups:
        groups //= 2
    return groups


class AttentionBlock(nn.Module):
    """Self-attention over frames. The residual adds to the normalised input, not to the input itself: XTTS's quirk."""

    def __init__(self, channels: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.GroupNorm(_n_groups(channels), channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, d, t) -> (b, d, t)"""
        b, d, t = x.shape
        normed = self.norm(x)
        qkv = self.qkv(normed).view(b, self.n_heads, 3, d // self.n_heads, t).transpose(-1, -2)
        q, k, v = qkv.unbind(2)  # (b, h, t, d / h): a head's q, k and v lie next to each other
        attended = F.scaled_dot_product_attention(q, k, v)
        return normed + self.proj_out(attended.transpose(-1, -2).reshape(b, d, t))


class ConditioningEncoder(nn.Module):
    """(b, 80, t) -> (b, d, t)"""

    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        d = config.n_model_channels
        self.init = nn.Conv1d(N_MELS, d, 1)
        self.attn = nn.Sequential(*(AttentionBlock(d, config.n_heads) for _ in range(config.cond_blocks)))

    def forward(self, mel: Tensor) -> Tensor:
        return self.attn(self.init(mel))


class RMSNorm(nn.Module):
    """Unit length times sqrt(d) times gamma."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1) * x.shape[-1] ** 0.5 * self.gamma


class GEGLU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, dim=-1)
        return F.gelu(gate) * value


class LatentAttention(nn.Module):
    """Latents attend to themselves and to the frames."""

    def __init__(self, dim: int, n_heads: int, head_dim: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        inner = n_heads * head_dim
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, latents: Tensor, frames: Tensor) -> Tensor:
        """(b, l, d), (b, t, d) -> (b, l, d)"""
        k, v = self.to_kv(torch.cat([latents, frames], dim=1)).chunk(2, dim=-1)
        q, k, v = (self._heads(x) for x in (self.to_q(latents), k, v))
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.n_heads, -1).transpose(1, 2)  # (b, n, d) -> (b, h, n, d / h)


class Perceiver(nn.Module):
    """A resampler (Flamingo, arXiv 2204.14198): frames of any number become n_latents vectors."""

    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        d = config.n_model_channels
        inner = int(d * 4 * 2 / 3)
        self.latents = nn.Parameter(torch.randn(config.n_latents, d) * 0.02)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    LatentAttention(d, config.perceiver_heads, config.perceiver_head_dim),
                    nn.Sequential(nn.Linear(d, 2 * inner), GEGLU(), nn.Linear(inner, d)),
                ]
            )
            for _ in range(config.perceiver_depth)
        )
        self.norm = RMSNorm(d)

    def forward(self, frames: Tensor) -> Tensor:
        """(b, t, d) -> (b, l, d)"""
        latents = self.latents.expand(frames.shape[0], -1, -1)
        for layer in self.layers:
            attention, feed_forward = layer.children()
            latents = attention(latents, frames) + latents
            latents = feed_forward(latents) + latents
        return self.norm(latents)
