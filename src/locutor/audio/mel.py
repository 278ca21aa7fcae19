"""Log-mel spectrograms of F5-TTS, on torch.stft alone.

Two kinds exist, one per family of vocoders: "vocos" (torchaudio's HTK mel of the magnitude) and "bigvgan" (Slaney's
mel with area normalisation). Both: 24 kHz, window and FFT of 1024 samples, 100 bands, log of the clamped value.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.errors import OptionError

SAMPLE_RATE = 24_000  # samples per second
HOP_LENGTH = 256  # samples per frame
N_FFT = 1024
N_MELS = 100
FRAME_RATE = SAMPLE_RATE / HOP_LENGTH  # 93.75 frames per second
LOG_FLOOR = 1e-5
KINDS = ("vocos", "bigvgan")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class MelConfig:
    """Geometry of a mel spectrogram; the defaults are F5-TTS'."""

    kind: str = "vocos"
    sample_rate: int = SAMPLE_RATE
    n_fft: int = N_FFT
    hop_length: int = HOP_LENGTH
    n_mels: int = N_MELS

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"mel kind must be one of {', '.join(KINDS)}, not {self.kind!r}")


def mel_spectrogram(samples: Tensor, config: MelConfig | None = None) -> Tensor:
    """Log-mel of audio.

    samples: (b, n_samples) float in [-1, 1] at config.sample_rate. Returns (b, n_mels, n_frames), computed in float32;
    vocos: n_frames = n_samples // hop_length + 1 (centred), bigvgan: n_samples // hop_length.
    """
    config = config or MelConfig()
    samples = samples.float()
    window = _window(config.n_fft, samples.device)
    if config.kind == "vocos":
        spectrum = torch.stft(
            samples, config.n_fft, config.hop_length, config.n_fft, window, center=True, return_complex=True
        )
        magnitude = spectrum.abs()
    else:
        pad = (config.n_fft - config.hop_length) // 2
        padded = F.pad(samples[:, None], (pad, pad), mode="reflect")[:, 0]
        spectrum = torch.stft(
            padded, config.n_fft, config.hop_length, config.n_fft, window, center=False, return_complex=True
        )
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
    return (mel_filterbank(config, samples.device) @ magnitude).clamp(min=LOG_FLOOR).log()


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for later callers, who may train: an inference tensor would refuse to
def mel_filterbank(config: MelConfig, device: torch.device = CPU) -> Tensor:
    """Triangular filters, (n_mels, n_fft // 2 + 1), from 0 Hz to half the sample rate; kept for each device."""
    bins = torch.linspace(0, config.sample_rate / 2, config.n_fft // 2 + 1, dtype=torch.float64)
    to_mel, to_hz = (_htk_mel, _htk_hz) if config.kind == "vocos" else (_slaney_mel, _slaney_hz)
    top = to_mel(config.sample_rate / 2)
    edges = torch.tensor([to_hz(top * i / (config.n_mels + 1)) for i in range(config.n_mels + 2)], dtype=torch.float64)
    width = edges.diff()
    slope = edges[:, None] - bins[None]  # (n_mels + 2, n_bins)
    bank = torch.minimum(-slope[:-2] / width[:-1, None], slope[2:] / width[1:, None]).clamp(min=0)
    if config.kind == "bigvgan":
        bank *= 2 / (edges[2:] - edges[:-2])[:, None]  # equal area
    return bank.float().to(device)


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _window(n_fft: int, device: torch.device) -> Tensor:
    return torch.hann_window(n_fft, device=device)


def _htk_mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)


def _htk_hz(mel: float) -> float:
    return 700 * (10 ** (mel / 2595) - 1)


# Slaney's scale: linear below 1 kHz (200/3 Hz a step), then 27 steps for each factor of 6.4.
def _slaney_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def _slaney_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)
