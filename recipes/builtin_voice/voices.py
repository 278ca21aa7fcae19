"""Synthetic speakers: a mix of Kokoro's style vectors, a pitch, a vocal tract length, a pace.

A style vector has 256 numbers: the first 128 colour the voice, the last 128 its prosody. They are mixed independently.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Speaker:
    """styles: (510, 256), one style per text length. pitch_hz: mean F0 as heard. warp: formant scale, by resampling."""

    styles: Tensor
    pitch_hz: float
    pitch_range: float
    warp: float
    speed: float


def mix_weights(rng: np.random.Generator, n: int) -> np.ndarray:
    """Weights summing to one: near one voice, inside the mix of all, or a little outside of it."""
    kind = rng.random()
    if kind < 0.2:
        weights = rng.dirichlet([0.15] * n)
    elif kind < 0.65:
        weights = rng.dirichlet([0.6] * n)
    else:
        stretch = rng.uniform(1.1, 1.5)
        weights = rng.dirichlet([0.5] * n) * stretch - (stretch - 1) / n
    return weights


def draw_speaker(seed: int, voices: np.ndarray, timbre_noise: float = 3.0) -> Speaker:
    """voices: (n_voices, 510, 256). The same seed gives the same speaker."""
    rng = np.random.default_rng(seed)
    timbre = np.tensordot(mix_weights(rng, len(voices)), voices[:, :, :128], axes=1)
    timbre = timbre + timbre_noise * rng.uniform(0, 1) ** 2 * rng.normal(size=128) * voices[:, :, :128].std(0)
    prosody = np.tensordot(mix_weights(rng, len(voices)), voices[:, :, 128:], axes=1)
    styles = torch.from_numpy(np.concatenate([timbre, prosody], axis=1).astype(np.float32))
    # Lower, longer and slower than this, the synthesizer itself turns rough (predicted MOS down to 1.4).
    kind = rng.choice(["low", "high", "small"], p=[0.47, 0.43, 0.1])
    low, high, warp_low, warp_high = {
        "low": (90, 165, 0.86, 1.04),
        "high": (150, 270, 0.92, 1.14),
        "small": (220, 330, 1.08, 1.28),
    }[str(kind)]
    return Speaker(
        styles=styles,
        pitch_hz=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        pitch_range=float(rng.uniform(0.7, 1.4)),
        warp=float(rng.uniform(warp_low, warp_high)),
        speed=float(rng.uniform(0.84, 1.28)),
    )


def resample(waveform: Tensor, warp: float) -> Tensor:
    """Scale all frequencies by `warp` (and shorten by it), through the Fourier transform of the whole clip."""
    n_out = round(len(waveform) / warp)
    spectrum = torch.fft.rfft(waveform)
    out = spectrum.new_zeros(n_out // 2 + 1)
    n = min(len(spectrum), len(out))
    out[:n] = spectrum[:n]
    return torch.fft.irfft(out, n_out) * (n_out / len(waveform))
