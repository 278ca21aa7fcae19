"""Vocos (arXiv 2306.00814): mel frames -> audio, by ConvNeXt blocks and one inverse Fourier transform.

Keys are those of the public checkpoint. Shapes: b batch, n frames, d width, f bins of the transform.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

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


def _kept(x: Tensor, valid: Tensor | None) -> Tensor:
    """Zero outside `valid` (b, 1, n), as a convolution sees it beyond a shorter sample's end."""
    return x if valid is None else x * valid


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over frames and a widened pointwise layer, scaled by gamma; residual. (b, d, n)."""

    def __init__(self, dim: int, intermediate_dim: int, layer_scale: float) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(dim, intermediate_dim)
        self.pwconv2 = nn.Linear(intermediate_dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), layer_scale))

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        y = self.dwconv(_kept(x, valid)).transpose(1, 2)  # (b, d, n) -> (b, n, d)
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

    def forward(self, mel: Tensor, valid: Tensor | None = None) -> Tensor:
        x = self.norm(self.embed(_kept(mel, valid)).transpose(1, 2)).transpose(1, 2)
        for block in self.convnext:
            x = block(x, valid)
        return self.final_layer_norm(x.transpose(1, 2))


class Head(nn.Module):
    """(b, n, d) -> (b, n_samples): a magnitude and a phase for each bin, then the inverse transform."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length = config.n_fft, config.hop_length
        self.out = nn.Linear(config.dim, config.n_fft + 2)
        self.istft = nn.Module()
        self.istft.register_buffer("window", torch.hann_window(config.n_fft))

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        magnitude, phase = self.out(x).float().transpose(1, 2).chunk(2, dim=1)  # (b, f, n) each
        spectrum = torch.polar(magnitude.exp().clamp(max=MAX_MAGNITUDE), phase)
        window = self.istft.get_buffer("window")
        if valid is None:
            return torch.istft(spectrum, self.n_fft, self.hop_length, self.n_fft, window, center=True)
        return self._overlap(torch.fft.irfft(spectrum, self.n_fft, dim=1) * window[:, None], valid)

    def _overlap(self, frames: Tensor, valid: Tensor) -> Tensor:
        """Add up windowed frames (b, n_fft, n) and divide by the windows that each sample's own frames bring."""
        window = self.istft.get_buffer("window")
        n_samples = (frames.shape[2] - 1) * self.hop_length
        total, weight = (
            F.fold(part, (1, n_samples + self.n_fft), (1, self.n_fft), stride=(1, self.hop_length))[:, 0, 0]
            for part in (frames * valid, window.square()[:, None] * valid)
        )
        middle = slice(self.n_fft // 2, self.n_fft // 2 + n_samples)
        # Beyond a shorter sample's end there is nothing to divide.
        return total[:, middle] / weight[:, middle].clamp(min=1e-11)


class Vocos(nn.Module):
    """Log-mel (b, n_mels, n) of kind "vocos" -> audio (b, (n - 1) * hop_length) at 24 kHz, float32."""

    def __init__(self, config: VocosConfig | None = None) -> None:
        super().__init__()
        self.config = config or VocosConfig()
        self.backbone = Backbone(self.config)
        self.head = Head(self.config)

    def forward(self, mel: Tensor, valid: Tensor | None = None) -> Tensor:
        """valid: (b, 1, n) 0 or 1, frames of each sample's own; audio beyond them is zero."""
        return self.head(self.backbone(mel, valid), valid)

    def decode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Audio (n_samples,) of each log-mel (n, n_mels), the same as alone. On a GPU they share one batch."""
        if len(mels) == 1 or not mels[0].is_cuda:
            return [self(mel.T[None].float())[0] for mel in mels]
        lengths = [len(mel) for mel in mels]
        batch = pad_sequence([mel.float() for mel in mels], batch_first=True).transpose(1, 2)  # (b, n, m) -> (b, m, n)
        valid = None
        if min(lengths) < max(lengths):
            ends = torch.tensor(lengths, device=batch.device)[:, None, None]
            valid = (torch.arange(batch.shape[2], device=batch.device) < ends).to(batch.dtype)
        audio = self(batch, valid)
        return [row[: (n - 1) * self.config.hop_length] for row, n in zip(audio, lengths, strict=True)]
