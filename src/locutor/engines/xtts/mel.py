"""The three mel spectrograms of XTTS-v2, and torchaudio's resampling, on torch alone.

b: batch, n: samples, m: mel bands, t: frames.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.engines.xtts.config import PROMPT_SAMPLE_RATE

LOG_FLOOR = 1e-5
PREEMPHASIS = 0.97
SPEAKER_SAMPLE_RATE = 16_000
N_MELS = 80
N_SPEAKER_MELS = 64
SPEAKER_LOG_OFFSET = 1e-6


@dataclass(frozen=True)
class MelGeometry:
    """Of a power mel spectrogram with filters on the HTK scale."""

    n_fft: int
    win_length: int
    hop_length: int
    n_mels: int
    sample_rate: int
    f_max: float
    window: Literal["hann", "hamming"] = "hann"
    equal_area: bool = True


PROMPT_MEL = MelGeometry(2048, 1024, 256, N_MELS, PROMPT_SAMPLE_RATE, 8000)
CODE_MEL = MelGeometry(1024, 1024, 256, N_MELS, PROMPT_SAMPLE_RATE, 8000)
SPEAKER_MEL = MelGeometry(512, 400, 160, N_SPEAKER_MELS, SPEAKER_SAMPLE_RATE, 8000, "hamming", equal_area=False)


def power_mel(samples: Tensor, geometry: MelGeometry) -> Tensor:
    """(b, n) -> (b, m, n // hop_length + 1), centred."""
    g = geometry
    window = _window(g, samples.device)
    spectrum = torch.stft(
        samples, g.n_fft, g.hop_length, g.win_length, window, center=True, pad_mode="reflect", return_complex=True
    )
    return filterbank(g).to(samples.device) @ spectrum.abs().square()


def log_mel(samples: Tensor, geometry: MelGeometry, mel_stats: Tensor) -> Tensor:
    """Log-mel over the training data's mean per band. samples: (b, n) at 22.05 kHz; mel_stats: (m,). -> (b, m, t)"""
    return power_mel(samples, geometry).clamp(min=LOG_FLOOR).log() / mel_stats[:, None]


def speaker_mel(samples: Tensor) -> Tensor:
    """What the speaker encoder hears. (b, n) at 16 kHz -> (b, 64, t), the logarithm taken, not yet normalised."""
    padded = F.pad(samples[:, None], (1, 0), mode="reflect")[:, 0]
    emphasised = padded[:, 1:] - PREEMPHASIS * padded[:, :-1]
    return (power_mel(emphasised, SPEAKER_MEL) + SPEAKER_LOG_OFFSET).log()


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def filterbank(geometry: MelGeometry) -> Tensor:
    """Triangular filters, (m, n_fft // 2 + 1)."""
    g = geometry
    bins = torch.linspace(0, g.sample_rate // 2, g.n_fft // 2 + 1)
    top = 2595 * math.log10(1 + g.f_max / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, g.n_mels + 2) / 2595) - 1)
    width = edges.diff()
    slope = edges[:, None] - bins[None]  # (m + 2, n_bins)
    bank = torch.minimum(-slope[:-2] / width[:-1, None], slope[2:] / width[1:, None]).clamp(min=0)
    if g.equal_area:
        bank = bank * (2 / (edges[2:] - edges[:-2]))[:, None]
    return bank


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _window(geometry: MelGeometry, device: torch.device) -> Tensor:
    make = torch.hann_window if geometry.window == "hann" else torch.hamming_window
    return make(geometry.win_length, device=device)


def resample(samples: Tensor, rate: int, new_rate: int) -> Tensor:
    """Windowed-sinc interpolation as torchaudio does it by default (6 zero crossings, Hann, 99 % of the band).

    (b, n) -> (b, ceil(n * new_rate / rate)). XTTS was trained on audio that was resampled so.
    """
    if rate == new_rate:
        return samples
    divisor = math.gcd(rate, new_rate)
    old, new = rate // divisor, new_rate // divisor
    kernels, width = _sinc_kernels(old, new)
    padded = F.pad(samples, (width, width + old))
    phases = F.conv1d(padded[:, None], kernels.to(samples), stride=old)  # (b, new, blocks)
    n_out = math.ceil(new * samples.shape[-1] / old)
    return phases.transpose(1, 2).reshape(samples.shape[0], -1)[:, :n_out]


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _sinc_kernels(old: int, new: int) -> tuple[Tensor, int]:
    """One filter for each output phase, (new, 1, length), and its half width in input samples."""
    zeros, rolloff = 6, 0.99
    cutoff = min(old, new) * rolloff
    width = math.ceil(zeros * old / cutoff)
    at = torch.arange(-width, width + old, dtype=torch.float64)[None] / old
    time = (torch.arange(0, -new, -1, dtype=torch.float64)[:, None] / new + at) * cutoff
    time = time.clamp(-zeros, zeros)
    window = torch.cos(time * math.pi / zeros / 2).square()
    kernels = torch.sinc(time) * window * (cutoff / old)
    return kernels[:, None].float(), width
