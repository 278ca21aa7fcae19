"""Synthetic speakers: a mix of Kokoro's style vectors, a pitch, a vocal tract length, a pace.

A style vector has 256 numbers: the first 128 colour the voice, the last 128 its prosody. They are mixed independently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

# First letters of the names of the voices whose prosody speaks a language: American and British; Brazilian and, less
# often, Spanish, French and Italian.
PROSODY = {"en": {"a": 1.0, "b": 1.0}, "pt-BR": {"p": 1.0, "e": 0.3, "f": 0.3, "i": 0.3}}
# Their own speech has a predicted MOS below 3.8; the others' is 4.4 on average (LOG.md).
ROUGH = {"zf_xiaoyi", "em_santa", "jm_kumo", "zm_yunxia", "zf_xiaoxiao", "pm_santa", "jf_nezumi", "bm_lewis"}
WIDE = 0.25  # share of speakers drawn far from any voice


@dataclass(frozen=True)
class Voices:
    """Kokoro's voices. styles: (n, 510, 256), one for each length of a text. pitch_hz: (n,), their own mean F0."""

    names: tuple[str, ...]
    styles: np.ndarray
    pitch_hz: np.ndarray

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A file of style_vectors.py."""
        with np.load(path) as found:
            return cls(tuple(found["names"].tolist()), found["styles"].astype(np.float32), found["pitch_hz"])

    def of(self, letters: str) -> list[int]:
        return [i for i, name in enumerate(self.names) if name[0] in letters]


@dataclass(frozen=True)
class Speaker:
    """styles: of each language (510, 256), one style per text length. pitch_hz: mean F0 as heard. warp: formant scale,
    by resampling."""

    styles: Mapping[str, Tensor]
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


def draw_speaker(seed: int, voices: Voices) -> Speaker:
    """Of a training run. The same seed gives the same speaker."""
    is_wide = np.random.default_rng([seed, 1]).random() < WIDE
    return draw_wide(seed, voices) if is_wide else draw_near(seed, voices)


def draw_near(seed: int, voices: Voices) -> Speaker:
    """Near one, two or three of all voices, mostly with a pitch like theirs; each language in its speakers' prosody."""
    rng = np.random.default_rng([seed, 2])
    chance = np.array([0.3 if name in ROUGH else 1.0 for name in voices.names])
    chosen = rng.choice(
        len(chance), size=rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]), replace=False, p=chance / chance.sum()
    )
    weights = rng.dirichlet(np.ones(len(chosen)))
    if rng.random() < 0.25:  # a little outside of their mix
        stretch = rng.uniform(1.1, 1.4)
        weights = weights * stretch - (stretch - 1) / len(weights)
    timbre = np.tensordot(weights, voices.styles[chosen, :, :128], axes=1)
    if rng.random() < 0.3:
        timbre = timbre + 1.5 * rng.uniform() ** 2 * rng.normal(size=128) * voices.styles[:, :, :128].std(0)
    prosody = {language: _prosody(rng, voices, letters) for language, letters in PROSODY.items()}
    own = np.exp(weights @ np.log(voices.pitch_hz[chosen]))
    moved = rng.random()
    pitch, warp = (0.10, 0.03) if moved < 0.65 else (0.22, 0.07)
    pitch_hz, warp = own * np.exp(rng.normal(0, pitch)), np.exp(rng.normal(0, warp))
    if moved > 0.93:  # a child
        pitch_hz, warp = rng.uniform(230, 330), rng.uniform(1.08, 1.28)
    return Speaker(
        styles={language: _style(timbre, part) for language, part in prosody.items()},
        pitch_hz=float(np.clip(pitch_hz, 80, 340)),
        pitch_range=float(rng.uniform(0.75, 1.35)),
        warp=float(np.clip(warp, 0.86, 1.28)),
        speed=float(rng.uniform(0.84, 1.28)),
    )


def _prosody(rng: np.random.Generator, voices: Voices, letters: Mapping[str, float]) -> np.ndarray:
    """(510, 128), of one voice of these languages or of two."""
    among = voices.of("".join(letters))
    chance = np.array([letters[voices.names[i][0]] for i in among])
    chosen = rng.choice(among, size=rng.choice([1, 2]), replace=False, p=chance / chance.sum())
    return np.tensordot(rng.dirichlet(np.ones(len(chosen))), voices.styles[chosen, :, 128:], axes=1)


def mixed(voices: Voices, timbre: Mapping[str, float], prosody: str) -> Speaker:
    """A speaker with timbre and pitch between those of named voices, in the prosody of one, nothing else changed."""
    chosen, weights = [voices.names.index(name) for name in timbre], np.array(list(timbre.values()))
    style = _style(
        np.tensordot(weights, voices.styles[chosen, :, :128], axes=1),
        voices.styles[voices.names.index(prosody), :, 128:],
    )
    pitch_hz = float(np.exp(weights @ np.log(voices.pitch_hz[chosen])))
    return Speaker(dict.fromkeys(PROSODY, style), pitch_hz, pitch_range=1.0, warp=1.0, speed=1.0)


def _style(timbre: np.ndarray, prosody: np.ndarray) -> Tensor:
    return torch.from_numpy(np.concatenate([timbre, prosody], axis=1).astype(np.float32))


def draw_wide(seed: int, voices: Voices, timbre_noise: float = 3.0) -> Speaker:
    """Of the five Japanese voices, mixed and moved far: all speakers until 2026-11-29, those of the tests too."""
    rng = np.random.default_rng(seed)
    styles = voices.styles[voices.of("j")]
    timbre = np.tensordot(mix_weights(rng, len(styles)), styles[:, :, :128], axes=1)
    timbre = timbre + timbre_noise * rng.uniform(0, 1) ** 2 * rng.normal(size=128) * styles[:, :, :128].std(0)
    style = _style(timbre, np.tensordot(mix_weights(rng, len(styles)), styles[:, :, 128:], axes=1))
    # Lower, longer and slower than this, the synthesizer itself turns rough (predicted MOS down to 1.4).
    kind = rng.choice(["low", "high", "small"], p=[0.47, 0.43, 0.1])
    low, high, warp_low, warp_high = {
        "low": (90, 165, 0.86, 1.04),
        "high": (150, 270, 0.92, 1.14),
        "small": (220, 330, 1.08, 1.28),
    }[str(kind)]
    return Speaker(
        styles=dict.fromkeys(PROSODY, style),
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
