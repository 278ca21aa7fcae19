"""The built-in acoustic network: an F5 network (engines.f5) with three changes, each for speech on two CPU cores.

- Aligned layout: every mel frame is told its phoneme, so the network need not learn where words are, and the reference
  needs no transcript.
- The reference runs through the same blocks, but by itself, at flow time 1: its keys and values depend neither on the
  text nor on the time, so they are computed once per voice. The new speech attends to them and to itself.
- One position stands for `patch` frames, and one modulation layer serves all blocks, each with its own offset
  (PixArt-alpha, arXiv 2310.00426).

Shapes: b batch, n positions, f = n * patch frames, c mel bands, d width, h heads, e width of a head.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.f5.modules import (
    HEAD_DIM,
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

FILLER = 0  # token of a frame that says nothing known; phoneme i has token i + 1
KeysValues: TypeAlias = tuple[Tensor, Tensor]  # (b, h, n_ref, e) each


@dataclass(frozen=True)
class Prefix:
    """References as the blocks attend to them.

    keys_values: one pair per block; timbre: (b, d); valid: (b, n_ref) bool, False where a shorter reference is padded
    in front, or None when all are of one length.
    """

    keys_values: list[KeysValues]
    timbre: Tensor
    valid: Tensor | None = None

    @property
    def n_ref(self) -> int:
        return self.keys_values[0][0].shape[2]


def stack_prefixes(prefixes: list[Prefix]) -> Prefix:
    """References of several voices as one batch, padded in front to the longest; their positions end at zero."""
    longest = max(p.n_ref for p in prefixes)

    def joined(layer: int, which: int) -> Tensor:
        tensors = [p.keys_values[layer][which] for p in prefixes]
        return torch.cat([F.pad(t, (0, 0, longest - t.shape[2], 0)) for t in tensors])

    n_layers = len(prefixes[0].keys_values)
    lengths = torch.tensor([p.n_ref for p in prefixes for _ in range(p.timbre.shape[0])])
    valid = torch.arange(longest)[None] >= longest - lengths[:, None]
    return Prefix(
        [(joined(i, 0), joined(i, 1)) for i in range(n_layers)],
        torch.cat([p.timbre for p in prefixes]),
        None if bool(valid.all()) else valid.to(prefixes[0].timbre.device),
    )


def first(prefix: Prefix, b: int) -> Prefix:
    """Of the first b voices of a batch."""
    pairs = [(keys[:b], values[:b]) for keys, values in prefix.keys_values]
    return Prefix(pairs, prefix.timbre[:b], None if prefix.valid is None else prefix.valid[:b])


class TextEmbedding(nn.Module):
    """Phoneme of each frame -> (b, f, text_dim), smoothed over neighbouring phonemes by ConvNeXt V2 blocks."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        dim = config.text_dim
        self.text_embed = nn.Embedding(config.n_tokens + 1, dim)
        self.language_embed = nn.Embedding(config.n_languages, dim)
        self.text_blocks = nn.ModuleList([ConvNeXtV2Block(dim, 2 * dim) for _ in range(config.text_layers)])

    def forward(self, tokens: Tensor, language: Tensor, valid: Tensor | None = None) -> Tensor:
        """tokens, language: (b, f), FILLER where unknown; valid: (b, f, 1), 0 beyond a sample's length."""
        x = self.text_embed(tokens) + self.language_embed(language)
        for block in self.text_blocks:
            x = block(x if valid is None else x * valid, valid)
        return x if valid is None else x * valid


class Attention(nn.Module):
    """Self-attention over the positions, and over the reference's cached keys and values before them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.n_heads = dim // HEAD_DIM
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim) for _ in range(3))
        self.to_out = nn.Linear(dim, dim)
        self.q_norm = nn.RMSNorm(HEAD_DIM, eps=1e-6)
        self.k_norm = nn.RMSNorm(HEAD_DIM, eps=1e-6)

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.n_heads, HEAD_DIM)  # (b, n, d) -> (b, n, h, e)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], prefix: KeysValues | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, KeysValues]:
        """mask: (b, 1, 1, n_ref + n) bool, True where attended. Returns (b, n, d) and this call's own keys, values."""
        q, k, v = self._heads(self.to_q(x)), self._heads(self.to_k(x)), self._heads(self.to_v(x))
        q, k = self.q_norm(q.float()), self.k_norm(k.float())
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # (b, n, h, e) -> (b, h, n, e)
        q, k = apply_rope(q, rope).to(v.dtype), apply_rope(k, rope).to(v.dtype)
        own = (k, v)
        if prefix is not None:
            k, v = torch.cat([prefix[0].to(k.dtype), k], dim=2), torch.cat([prefix[1].to(v.dtype), v], dim=2)
        y = F.scaled_dot_product_attention(q, k.to(q.dtype), v.to(q.dtype), attn_mask=mask)
        b, _, n, _ = y.shape
        return self.to_out(y.transpose(1, 2).reshape(b, n, -1)), own


class Block(nn.Module):
    """Attention and feed-forward, modulated by flow time (adaLN-zero: the offsets start at zero gates).

    dtype: of the matrix products' weights and of what goes into them.
    """

    dtype = torch.float32

    def __init__(self, dim: int, ff_mult: int) -> None:
        super().__init__()
        self.attn = Attention(dim)
        self.ff = FeedForward(dim, ff_mult)
        self.offset = nn.Parameter(torch.zeros(6, dim))

    def forward(
        self,
        x: Tensor,
        modulation: Tensor,
        rope: tuple[Tensor, Tensor],
        prefix: KeysValues | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """modulation: (b, 6, d)."""
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = (modulation + self.offset).unbind(1)
        attended, own = self.attn(modulate(x, scale_a, shift_a).to(self.dtype), rope, prefix, mask)
        x = torch.addcmul(x, gate_a[:, None], attended.to(x.dtype))
        widened = self.ff(modulate(x, scale_f, shift_f).to(self.dtype))
        return torch.addcmul(x, gate_f[:, None], widened.to(x.dtype)), own


class AlignedDiT(nn.Module):
    """Predicts the flow's velocity for the mel frames of new speech."""

    mel_mean: Tensor
    mel_std: Tensor
    inv_freq: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        dim, patch = config.dim, config.patch
        self.register_buffer("mel_mean", torch.zeros(config.n_mels))
        self.register_buffer("mel_std", torch.ones(config.n_mels))
        self.register_buffer("inv_freq", rope_frequencies(), persistent=False)
        self.text_embed = TextEmbedding(config)
        self.time_embed = TimestepEmbedding(dim)
        self.timbre_proj = nn.Linear(dim, dim)
        self.input_proj = nn.Linear(patch * (config.n_mels + config.text_dim), dim)
        self.reference_proj = nn.Linear(patch * config.n_mels, dim)
        self.no_reference = nn.Parameter(torch.zeros(dim))
        self.conv_pos_embed = ConvPositionEmbedding(dim)
        self.adaln = AdaLayerNorm(dim, 6)
        self.blocks = nn.ModuleList([Block(dim, config.ff_mult) for _ in range(config.depth)])
        self.norm_out = AdaLayerNorm(dim, 2)
        self.proj_out = nn.Linear(dim, patch * config.n_mels)
        for layer in (self.adaln.linear, self.norm_out.linear, self.proj_out, self.timbre_proj):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def multiply_in(self, dtype: torch.dtype) -> None:
        """Hold the weights of the blocks' matrix products in a type, and compute those in it. All else, and what runs
        from block to block, stays as it is."""
        for block in self.blocks:
            assert isinstance(block, Block)
            block.dtype = dtype
            for layer in block.modules():
                if isinstance(layer, nn.Linear):
                    layer.to(dtype)

    def normalize(self, mel: Tensor) -> Tensor:
        """Log-mel (..., c) -> zero mean and unit variance per band, as the flow sees it."""
        return (mel - self.mel_mean) / self.mel_std

    def denormalize(self, mel: Tensor) -> Tensor:
        return mel * self.mel_std + self.mel_mean

    def _patched(self, frames: Tensor) -> Tensor:
        """(b, f, c) -> (b, n, patch * c); f is a multiple of patch."""
        b, f, c = frames.shape
        return frames.reshape(b, f // self.config.patch, self.config.patch * c)

    def encode_reference(self, mel: Tensor, dropped: Tensor | None = None) -> Prefix:
        """Run normalized reference frames (b, f_ref, c) through the blocks at flow time 1.

        dropped: (b,) bool, samples whose reference is withheld (guidance, and its training).
        """
        x = self.reference_proj(self._patched(mel))
        if dropped is not None:
            x = torch.where(dropped[:, None, None], self.no_reference.to(x.dtype), x)
        x = x + self.conv_pos_embed(x)
        time = self.time_embed(torch.ones(x.shape[0], device=x.device))
        modulation = torch.stack(self.adaln(time), dim=1)
        # Positions end at -1, so that new speech starts at 0 after a reference of any length.
        rope = rope_table(x.shape[1], self.inv_freq, start=-x.shape[1])
        keys_values = []
        for block in self.blocks:
            x, own = block(x, modulation, rope)
            keys_values.append(own)
        timbre = self.timbre_proj(F.layer_norm(x.mean(1), x.shape[-1:]))
        return Prefix(keys_values, timbre)

    def embed_text(
        self, tokens: Tensor, language: Tensor, dropped: Tensor | None = None, valid: Tensor | None = None
    ) -> Tensor:
        """Phonemes laid over the frames (b, f) -> (b, n, patch * text_dim); does not depend on the flow time."""
        if dropped is not None:
            tokens = tokens.masked_fill(dropped[:, None], FILLER)
        return self._patched(self.text_embed(tokens, language, valid))

    @staticmethod
    def _mask(b: int, n: int, prefix: Prefix, valid: Tensor | None) -> Tensor | None:
        """(b, 1, 1, n_ref + n) bool for attention; None when nothing is padded."""
        if valid is None and prefix.valid is None:
            return None
        device = prefix.timbre.device
        own = torch.ones(b, n, dtype=torch.bool, device=device) if valid is None else valid[:, :, 0].bool()
        heard = prefix.valid
        if heard is None:
            heard = torch.ones(b, prefix.n_ref, dtype=torch.bool, device=device)
        return torch.cat([heard, own], dim=1)[:, None, None]

    def forward(self, x: Tensor, text: Tensor, time: Tensor, prefix: Prefix, valid: Tensor | None = None) -> Tensor:
        """Velocity (b, f, c) at noisy normalized frames x (b, f, c).

        text: from embed_text; time: (b,) flow time; valid: (b, n, 1), 0 beyond a sample's length in a padded batch.
        """
        b, f, c = x.shape
        h = self.input_proj(torch.cat([self._patched(x), text.to(x.dtype)], dim=-1))
        h = h + self.conv_pos_embed(h, valid)
        embedded_time = self.time_embed(time) + prefix.timbre
        modulation = torch.stack(self.adaln(embedded_time), dim=1)  # (b, 6, d)
        rope = rope_table(h.shape[1], self.inv_freq)
        mask = self._mask(b, h.shape[1], prefix, valid)
        for block, keys_values in zip(self.blocks, prefix.keys_values, strict=True):
            h, _ = block(h, modulation, rope, keys_values, mask)
        scale, shift = self.norm_out(embedded_time)
        return self.proj_out(modulate(h, scale, shift)).reshape(b, f, c)
