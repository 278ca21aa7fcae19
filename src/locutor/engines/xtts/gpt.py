"""The language model of XTTS-v2: GPT-2 over [latents][text][audio codes], with upstream's parameter names.

b: batch, n: positions, d: model channels, h: heads, v: audio codes, s: positions that the cache has room for.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.conv1d import Conv1D
from locutor.engines.xtts.cache import KVCache
from locutor.engines.xtts.conditioning import ConditioningEncoder, Perceiver
from locutor.engines.xtts.config import XttsConfig

DROPOUT = 0.1  # while training, as GPT-2 has it: of the input, of attention's weights and of what blocks add


class Attention(nn.Module):
    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.c_attn = Conv1D(config.n_model_channels, 3 * config.n_model_channels)
        self.c_proj = Conv1D(config.n_model_channels, config.n_model_channels)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(b, n, d) -> queries (b, h, n, d / h), and keys and values (2, b, h, n, d / h)"""
        parts = self.c_attn(x).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        return parts[0], parts[1:]

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Without a mask each position sees those up to itself. -> (b, n, d)"""
        dropout = DROPOUT if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None, dropout_p=dropout)
        return self.c_proj(attended.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_model_channels, 4 * config.n_model_channels)
        self.c_proj = Conv1D(4 * config.n_model_channels, config.n_model_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_model_channels)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_model_channels)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """(b, n, d) -> the same, with the keys and values of its positions, (2, b, h, n, d / h)"""
        q, both = self.attn.project(self.ln_1(x))
        x = x + self._dropped(self.attn.attend(q, both[0], both[1], mask))
        return x + self._dropped(self.mlp(self.ln_2(x))), both

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, DROPOUT) if self.training else x

    def decode(self, x: Tensor, cache: KVCache, layer: int, positions: Tensor, mask: Tensor) -> Tensor:
        """One position a row, (b, 1, d) -> (b, 1, d); its key and value go into the cache."""
        q, both = self.attn.project(self.ln_1(x))
        keys, values = cache.put(layer, both, positions)
        x = x + self.attn.attend(q, keys, values, mask)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """GPT-2's stack without its embeddings."""

    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.h = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.ln_f = nn.LayerNorm(config.n_model_channels)

    @property
    def dtype(self) -> torch.dtype:
        """Of the blocks; what comes before and after them is float32."""
        return next(self.h.parameters()).dtype

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(b, n, d) -> (b, n, d) in float32. mask: (b, 1, n, n), True where a position may look."""
        x = F.dropout(x.to(self.dtype), DROPOUT, self.training)
        for block in self.h:
            x, _ = block(x, mask)
        return self.ln_f(x.float())

    def prefill(self, x: Tensor, cache: KVCache, first_row: int) -> Tensor:
        """As forward, keeping keys and values in the rows of the cache from first_row on."""
        x = x.to(self.dtype)
        for layer, block in enumerate(self.h):
            x, both = block(x, None)
            cache.fill(layer, first_row, both)
        return self.ln_f(x.float())

    def decode(self, x: Tensor, cache: KVCache, positions: Tensor) -> Tensor:
        """One position a row, (b, d) -> (b, d) in float32. positions: (b,), where it stands in the sequence."""
        mask = cache.mask(positions, self.dtype)
        x = x[:, None].to(self.dtype)
        for layer, block in enumerate(self.h):
            x = block.decode(x, cache, layer, positions, mask)  # type: ignore[operator]
        return self.ln_f(x[:, 0].float())


class Positions(nn.Module):
    """Learned positions."""

    def __init__(self, n_positions: int, dim: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(n_positions, dim)

    def forward(self, n: int) -> Tensor:
        """The first n, (n, d)."""
        return self.emb.weight[:n]


class Gpt(nn.Module):
    """XTTS' GPT with the networks that make its prompt."""

    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.config = config
        d = config.n_model_channels
        self.conditioning_encoder = ConditioningEncoder(config)
        self.conditioning_perceiver = Perceiver(config)
        self.text_embedding = nn.Embedding(config.number_text_tokens, d)
        self.mel_embedding = nn.Embedding(config.num_audio_tokens, d)
        self.gpt = Transformer(config)
        self.mel_pos_embedding = Positions(config.n_audio_positions, d)
        self.text_pos_embedding = Positions(config.n_text_positions, d)
        self.final_norm = nn.LayerNorm(d)
        self.text_head = nn.Linear(d, config.number_text_tokens)
        self.mel_head = nn.Linear(d, config.num_audio_tokens)

    def latents(self, mel: Tensor) -> Tensor:
        """Conditioning of one stretch of reference. (b, 80, t) -> (b, n_latents, d)"""
        return self.conditioning_perceiver(self.conditioning_encoder(mel).transpose(1, 2))

    def embed_text(self, tokens: Tensor) -> Tensor:
        """Token ids with start and stop around them, (b, n) -> (b, n, d)"""
        return self.text_embedding(tokens) + self.text_pos_embedding(tokens.shape[1])

    def embed_codes(self, codes: Tensor) -> Tensor:
        """Audio codes from the start code on, (b, n) -> (b, n, d)"""
        return self.mel_embedding(codes) + self.mel_pos_embedding(codes.shape[1])

    def prompt(self, latents: Tensor, tokens: Tensor) -> Tensor:
        """What stands before the first audio code: (l, d) and text ids (n,) -> (l + n + 3, d), start code included."""
        c = self.config
        text = F.pad(F.pad(tokens, (1, 0), value=c.start_text_token), (0, 1), value=c.stop_text_token)
        start = torch.full((1, 1), c.start_audio_token, device=tokens.device)
        return torch.cat([latents, self.embed_text(text[None])[0], self.embed_codes(start)[0]])

    def logits(self, states: Tensor) -> Tensor:
        """Of the next audio code. states: (..., d), from `state` -> (..., v)"""
        return self.mel_head(states)

    def prefill(self, prompts: list[Tensor], cache: KVCache, first_row: int) -> Tensor:
        """Run prompts, (n_i, d) each, into rows of the cache; the state after each of them, (b, d).

        Shorter prompts are padded at the end, where causal attention keeps the padding from being seen.
        """
        x = nn.utils.rnn.pad_sequence(prompts, batch_first=True)
        last = torch.tensor([len(p) - 1 for p in prompts], device=x.device)
        hidden = self.gpt.prefill(x, cache, first_row)
        return self.final_norm(hidden[torch.arange(len(prompts), device=x.device), last])

    def decode(self, codes: Tensor, n_codes: Tensor, cache: KVCache, positions: Tensor) -> Tensor:
        """One more code a row, (b,) -> the state after it, (b, d).

        n_codes: (b,), codes before this one, the start code counted. positions: (b,), in the whole sequence.
        """
        x = self.mel_embedding(codes) + self.mel_pos_embedding.emb(n_codes)
        return self.final_norm(self.gpt.decode(x, cache, positions))
