"""The built-in grapheme-to-phoneme network: letters in, phonemes out, in one pass (CTC over a few slots a letter).

It learned from espeak-ng's labels, and contains nothing of it. Shapes: b batch, t letters, s slots a letter, d width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.builtin.config import G2PConfig
from locutor.engines.f5.modules import HEAD_DIM, FeedForward, apply_rope, rope_frequencies, rope_table

BLANK = 0  # CTC's "nothing here"; phoneme i has token i + 1


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward, (b, t, d)."""

    def __init__(self, dim: int, ff_mult: int) -> None:
        super().__init__()
        self.n_heads = dim // HEAD_DIM
        self.attn_norm, self.ff_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_qkv, self.to_out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ff = FeedForward(dim, ff_mult)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        b, t, d = x.shape
        qkv = self.to_qkv(self.attn_norm(x)).view(b, t, 3, self.n_heads, HEAD_DIM).permute(2, 0, 3, 1, 4)
        q, k = apply_rope(qkv[0], rope), apply_rope(qkv[1], rope)
        y = F.scaled_dot_product_attention(q, k, qkv[2], attn_mask=mask)
        x = x + self.to_out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.ff(self.ff_norm(x))


class G2P(nn.Module):
    """Scores of every phoneme, and of the blank, in each slot."""

    inv_freq: Tensor

    def __init__(self, config: G2PConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("inv_freq", rope_frequencies(), persistent=False)
        self.letter_embed = nn.Embedding(config.n_letters + 1, config.dim)
        self.language_embed = nn.Embedding(config.n_languages, config.dim)
        self.blocks = nn.ModuleList([Block(config.dim, config.ff_mult) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(config.dim)
        self.widen = nn.Linear(config.dim, config.slots * config.dim)
        self.out = nn.Linear(config.dim, config.n_tokens + 1)

    def forward(self, letters: Tensor, language: Tensor) -> Tensor:
        """letters: (b, t), 0 beyond a sample's end; language: (b,). Returns logits (b, t * slots, n_tokens + 1)."""
        b, t = letters.shape
        x = self.letter_embed(letters) + self.language_embed(language)[:, None]
        rope = rope_table(t, self.inv_freq)
        mask = (letters != 0)[:, None, None]
        for block in self.blocks:
            x = block(x, rope, mask)
        slots = F.gelu(self.widen(self.norm(x))).view(b, t * self.config.slots, self.config.dim)
        return self.out(slots)


def decode(logits: Tensor) -> list[int]:
    """Best path of one text's logits (t * slots, n_tokens + 1): repeats merged, blanks dropped; tokens from 1."""
    best = torch.unique_consecutive(logits.argmax(-1))
    return [int(token) for token in best if token != BLANK]
