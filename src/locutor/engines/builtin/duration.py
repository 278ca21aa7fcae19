"""The built-in duration network: how long each phoneme lasts, at the pace of the reference.

Shapes: b batch, t tokens, f reference frames, c mel bands, d width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.builtin.config import DurationConfig


class ConvBlock(nn.Module):
    """Wide convolution over tokens, modulated by the pooled reference; residual. (b, t, d)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.modulation = nn.Linear(dim, 2 * dim)
        self.conv = nn.Conv1d(dim, dim, kernel_size=5, padding=2)
        self.pointwise = nn.Linear(dim, dim)

    def forward(self, x: Tensor, voice: Tensor, valid: Tensor) -> Tensor:
        scale, shift = self.modulation(voice)[:, None].chunk(2, dim=-1)
        y = (self.norm(x) * (1 + scale) + shift) * valid
        y = F.gelu(self.conv(y.transpose(1, 2)).transpose(1, 2))  # (b, t, d) -> (b, d, t) -> (b, t, d)
        return x + self.pointwise(y)


class PaceEncoder(nn.Module):
    """Normalized reference mel (b, f, c) -> (b, d): mean and spread over time of strided convolutions."""

    def __init__(self, config: DurationConfig) -> None:
        super().__init__()
        widths = [config.n_mels] + [config.dim] * config.n_reference_layers
        self.convs = nn.ModuleList(
            [nn.Conv1d(a, b, kernel_size=5, stride=2 if i < 2 else 1, padding=2)
             for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False))]
        )  # fmt: skip
        self.out = nn.Linear(2 * config.dim, config.dim)

    def forward(self, mel: Tensor) -> Tensor:
        x = mel.transpose(1, 2)
        for conv in self.convs:
            x = F.gelu(conv(x))
        return self.out(torch.cat([x.mean(-1), x.std(-1)], dim=-1))


class DurationPredictor(nn.Module):
    """Log of the frames each phoneme lasts."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: DurationConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mel_mean", torch.zeros(config.n_mels))
        self.register_buffer("mel_std", torch.ones(config.n_mels))
        self.text_embed = nn.Embedding(config.n_tokens + 1, config.dim)
        self.language_embed = nn.Embedding(config.n_languages, config.dim)
        self.pace = PaceEncoder(config)
        self.blocks = nn.ModuleList([ConvBlock(config.dim) for _ in range(config.n_layers)])
        self.norm = nn.LayerNorm(config.dim)
        self.out = nn.Linear(config.dim, 1)

    def forward(self, tokens: Tensor, language: Tensor, mel: Tensor) -> Tensor:
        """tokens: (b, t), 0 beyond a sample's end; language: (b,); mel: (b, f, c) log-mel. Returns (b, t)."""
        valid = (tokens != 0)[..., None]
        voice = self.pace((mel - self.mel_mean) / self.mel_std)
        x = self.text_embed(tokens) + self.language_embed(language)[:, None]
        for block in self.blocks:
            x = block(x, voice, valid)
        return self.out(self.norm(x))[..., 0]
