"""The F5-TTS network (arXiv 2410.06885): a diffusion transformer that predicts the flow's velocity.

Parameter names are those of the public checkpoints, less their prefix `transformer.`.
Shapes: b batch, n frames, m mel bands, t text width, d model width, h heads, e width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.f5.config import F5Config
from locutor.engines.f5.layout import FILLER
from locutor.engines.f5.modules import (
    HEAD_DIM,
    NORM_EPS,
    AdaLayerNorm,
    ConvNeXtV2Block,
    ConvPositionEmbedding,
    FeedForward,
    TimestepEmbedding,
    apply_rope,
    modulate,
    rope_frequencies,
    rope_table,
)
from locutor.engines.f5.real_frames import RealFrames


def text_positions(n: int, dim: int, device: torch.device) -> Tensor:
    """Sinusoids added to the text, (n, dim) float32: all cosines, then all sines."""
    rate = 1.0 / 10_000 ** (torch.arange(0, dim, 2, device=device).float() / dim)
    angle = torch.outer(torch.arange(n, device=device).float(), rate)
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


class TextEmbedding(nn.Module):
    """Laid-out text -> (b, n, t).

    mask_padding (v1): frames that hold a filler are zeroed around every block, by the real text's mask even when the
    text itself is dropped.
    """

    def __init__(self, n_tokens: int, dim: int, conv_layers: int, mask_padding: bool) -> None:
        super().__init__()
        self.text_embed = nn.Embedding(n_tokens + 1, dim)
        self.mask_padding = mask_padding
        self.text_blocks = nn.Sequential(*[ConvNeXtV2Block(dim, 2 * dim) for _ in range(conv_layers)])

    def forward(self, rows: Tensor, valid: Tensor | None = None, drop_text: bool | Tensor = False) -> Tensor:
        """rows: (b, n) of embedding rows (layout.packed). valid: (b, n, 1) 0 or 1, frames of each sample's own.

        drop_text: withhold the text of all samples, or of those where a (b,) bool tensor says so.
        """
        dropped = torch.as_tensor(drop_text, device=rows.device).reshape(-1, 1)
        x = self.text_embed(rows.masked_fill(dropped, FILLER))
        keep = valid
        if len(self.text_blocks):
            x = x + text_positions(rows.shape[1], x.shape[-1], rows.device).to(x.dtype)
            if self.mask_padding:
                keep = (rows != FILLER)[..., None].to(x.dtype)
        x = _kept(x, keep)
        for block in self.text_blocks:
            # GRN counts a sample's fillers even where they are masked, because the checkpoints were trained so.
            x = _kept(block(x, valid), keep)
        return x


def _kept(x: Tensor, keep: Tensor | None) -> Tensor:
    return x if keep is None else x * keep


class InputEmbedding(nn.Module):
    """State, reference mel and text -> (b, n, d)."""

    def __init__(self, n_mels: int, text_dim: int, dim: int) -> None:
        super().__init__()
        self.n_mels = n_mels
        self.proj = nn.Linear(2 * n_mels + text_dim, dim)
        self.conv_pos_embed = ConvPositionEmbedding(dim)

    def project_context(self, cond: Tensor, text: Tensor) -> Tensor:
        """The part of the projection that stays the same through a solve: (b, n, m) and (b, n, t) -> (b, n, d)."""
        return F.linear(torch.cat([cond, text], dim=-1), self.proj.weight[:, self.n_mels :], self.proj.bias)

    def forward(
        self, x: Tensor, context: Tensor, valid: Tensor | None = None, real: RealFrames | None = None
    ) -> Tensor:
        h = F.linear(x, self.proj.weight[:, : self.n_mels]) + context
        return h + self.conv_pos_embed(h, valid, real)


class HeadNorm(nn.Module):
    """Root-mean-square norm of each head's queries or keys."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(HEAD_DIM))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (HEAD_DIM,), self.weight, NORM_EPS)


class Attention(nn.Module):
    """Every frame attends to every valid frame; the first `pe_attn_head` heads (None: all) know positions."""

    def __init__(self, config: F5Config) -> None:
        super().__init__()
        dim, inner = config.dim, config.inner_dim
        self.heads, self.pe_attn_head = config.heads, config.pe_attn_head
        self.to_q, self.to_k, self.to_v = nn.Linear(dim, inner), nn.Linear(dim, inner), nn.Linear(dim, inner)
        self.q_norm = HeadNorm() if config.qk_norm else None
        self.k_norm = HeadNorm() if config.qk_norm else None
        self.to_out = nn.ModuleList([nn.Linear(inner, dim)])

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], valid: Tensor | None = None, real: RealFrames | None = None
    ) -> Tensor:
        """x: (b, n, d). valid: (b, n, 1), keys that count. Returns (b, n, d). With real, x is (1, r, d)."""
        q, k, v = self._project(x)
        query, key = self._turn(self._split(q, self.q_norm), rope), self._turn(self._split(k, self.k_norm), rope)
        value = self._split(v, None)
        if real is not None:
            y = real.attend(query, key, value)
        else:
            key_mask = None if valid is None else (valid > 0).transpose(1, 2)[:, None]  # (b, n, 1) -> (b, 1, 1, n)
            y = F.scaled_dot_product_attention(query, key, value, attn_mask=key_mask)
        return self.to_out[0](y.transpose(1, 2).flatten(2))  # (b, h, n, e) -> (b, n, h * e)

    def _project(self, x: Tensor) -> Sequence[Tensor]:
        layers = (self.to_q, self.to_k, self.to_v)
        if not all(isinstance(layer, nn.Linear) for layer in layers):  # adapters compute for themselves
            return [layer(x) for layer in layers]
        weight, bias = torch.cat([layer.weight for layer in layers]), torch.cat([layer.bias for layer in layers])
        return F.linear(x, weight, bias).chunk(3, dim=-1)

    def _split(self, x: Tensor, norm: nn.Module | None) -> Tensor:
        y = x.view(*x.shape[:2], self.heads, HEAD_DIM).transpose(1, 2)  # (b, n, h * e) -> (b, h, n, e)
        return y if norm is None else norm(y)

    def _turn(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        k = self.pe_attn_head
        if k is None:
            return apply_rope(x, rope)
        return torch.cat([apply_rope(x[:, :k], rope), x[:, k:]], dim=1)


class DiTBlock(nn.Module):
    """Attention and feed-forward, each scaled, shifted and gated by the time (adaLN-zero)."""

    def __init__(self, config: F5Config) -> None:
        super().__init__()
        self.attn_norm = AdaLayerNorm(config.dim, 6)
        self.attn = Attention(config)
        self.ff = FeedForward(config.dim, config.ff_mult)

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        rope: tuple[Tensor, Tensor],
        valid: Tensor | None = None,
        real: RealFrames | None = None,
    ) -> Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.attn_norm(time)
        x = x + _scaled(self.attn(_modulated(x, scale_a, shift_a, real), rope, valid, real), gate_a, real)
        return x + _scaled(self.ff(_modulated(x, scale_m, shift_m, real)), gate_m, real)


def _scaled(x: Tensor, vectors: Tensor, real: RealFrames | None) -> Tensor:
    """Frames times their sample's vector."""
    return x * vectors[:, None] if real is None else real.scale(x, vectors)


def _modulated(x: Tensor, scale: Tensor, shift: Tensor, real: RealFrames | None) -> Tensor:
    if real is None:
        return modulate(x, scale, shift)
    normed = F.layer_norm(x, x.shape[-1:], eps=NORM_EPS)
    return real.scale(normed, 1 + scale) + real.spread(shift)


class RotaryFrequencies(nn.Module):
    """Keeps the buffer that the public checkpoints store."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("inv_freq", rope_frequencies())


@dataclass(frozen=True)
class Context:
    """What stays the same through a solve, made by DiT.context.

    projected: (b, n, d). valid: (b, n, 1) or None when every frame is real. rope: cosine and sine, (n, e) float32.
    real: the same as valid, where frames are laid end to end: b is 1, n is r, and rope is each one's, (r, e).
    """

    projected: Tensor
    valid: Tensor | None
    rope: tuple[Tensor, Tensor]
    real: RealFrames | None = None


def rope_of(n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of n frames. Not of the network's buffer: it may have been stored in half precision."""
    return rope_table(n, rope_frequencies().to(device))


def rope_of_real(real: RealFrames) -> tuple[Tensor, Tensor]:
    """Of each real frame by its position in its sample, (r, e)."""
    cos, sin = rope_of(real.longest, real.first.device)
    return cos[real.position], sin[real.position]


class DiT(nn.Module):
    """Velocity of the flow for noisy mel frames, given the reference's frames and the text.

    n_tokens: size of the vocabulary, without the filler.
    """

    def __init__(self, config: F5Config, n_tokens: int) -> None:
        super().__init__()
        self.config = config
        self.time_embed = TimestepEmbedding(config.dim)
        self.text_embed = TextEmbedding(n_tokens, config.text_dim, config.conv_layers, config.text_mask_padding)
        self.input_embed = InputEmbedding(config.n_mels, config.text_dim, config.dim)
        self.rotary_embed = RotaryFrequencies()
        self.transformer_blocks = nn.ModuleList([DiTBlock(config) for _ in range(config.depth)])
        self.norm_out = AdaLayerNorm(config.dim, 2)
        self.proj_out = nn.Linear(config.dim, config.n_mels)

    def context(
        self, cond: Tensor, text: Tensor, valid: Tensor | None = None, real: RealFrames | None = None
    ) -> Context:
        """cond: reference mel (b, n, m), zero where speech is to be made. text: embedded (b, n, t).

        real: then cond, text and the state are (1, r, ...), as real.take gives them, and there is no padding.
        """
        rope = rope_of(cond.shape[1], cond.device) if real is None else rope_of_real(real)
        return Context(self.input_embed.project_context(cond, text), valid, rope, real)

    def forward(self, x: Tensor, time: Tensor, context: Context) -> Tensor:
        """x: state (b, n, m). time: (b,), or (1,) for all. Returns the velocity (b, n, m)."""
        t = self.time_embed(time)
        h = self.input_embed(x, context.projected, context.valid, context.real)
        for block in self.transformer_blocks:
            h = block(h, t, context.rope, context.valid, context.real)
        scale, shift = self.norm_out(t)
        return self.proj_out(_modulated(h, scale, shift, context.real))
