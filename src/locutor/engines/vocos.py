"""Vocos (arXiv 2306.00814): mel frames -> audio, by ConvNeXt blocks and one inverse Fourier transform.

Keys are those of the public checkpoint. Shapes: b batch, n frames, d width, f bins of the transform.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.audio.mel import HOP_LENGTH, N_FFT, N_MELS

NORM_EPS = 1e-6
MAX_MAGNITUDE = 100.0  # as upstream: keeps an untrained or surprised head from overflowing


@dataclass(frozen=True, kw_only=True)
class VocosConfig:
    """Sizes of a Vocos network; the defaults are the public 24 kHz checkpoint's (13.5 M parameters)."""

    n_mels: int = N_MELS
    dim: int = 512
    intermediate_dim: int = 1536
    n_layers: int = 8
    n_fft: int = N_FFT
    hop_length: int = HOP_LENGTH


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over frames and a widened pointwise layer, scaled by gamma; residual. (b, d, n)."""

    def __init__(self, dim: int, intermediate_dim: int, layer_scale: float) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(dim, intermediate_dim)
        self.pwconv2 = nn.Linear(intermediate_dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        y = self.dwconv(x).transpose(1, 2)  # (b, d, n) -> (b, n, d)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))
        return x + y.transpose(1, 2)


class Backbone(nn.Module):
    """(b, n_mels, n) -> (b, n, d)."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.embed = nn.Conv1d(config.n_mels, config.dim, kernel_size=7, padding=3)
        self.norm = nn.LayerNorm(config.dim, eps=NORM_EPS)
        blocks = [
            ConvNeXtBlock(config.dim, config.intermediate_dim, 1 / config.n_layers) for _ in range(config.n_layers)
        ]
        self.convnext = nn.ModuleList(blocks)
        self.final_layer_norm = nn.LayerNorm(config.dim, eps=NORM_EPS)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.norm(self.embed(mel).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x)
        return self.final_layer_norm(x.transpose(1, 2))


class Head(nn.Module):
    """(b, n, d) -> (b, n_samples): a magnitude and a phase for each bin, then the inverse transform."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length = config.n_fft, config.hop_length
        self.out = nn.Linear(config.dim, config.n_fft + 2)
        self.istft = nn.Module()
        self.istft.register_buffer("window", torch.hann_window(config.n_fft))

    def forward(self, x: Tensor) -> Tensor:
        magnitude, phase = self.out(x).float().transpose(1, 2).chunk(2, dim=1)  # (b, f, n) each
        spectrum = torch.polar(magnitude.exp().clamp(max=MAX_MAGNITUDE), phase)
        window = self.istft.get_buffer("window")
        return torch.istft(spectrum, self.n_fft, self.hop_length, self.n_fft, window, center=True)


class Vocos(nn.Module):
    """Log-mel (b, n_mels, n) of kind "vocos" -> audio (b, (n - 1) * hop_length) at 24 kHz, float32."""

    def __init__(self, config: VocosConfig | None = None) -> None:
        super().__init__()
        self.config = config or VocosConfig()
        self.backbone = Backbone(self.config)
        self.head = Head(self.config)

    def forward(self, mel: Tensor) -> Tensor:
        return self.head(self.backbone(mel))
