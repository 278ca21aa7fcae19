"""Clean speech as it comes in recordings: equalised, narrow-band, in a room, with hiss, at any level.

A vocoder hears all of these, so that it speaks them all. Shapes: b batch, s samples.
"""

import math

import torch
from torch import Tensor

from locutor.audio.mel import SAMPLE_RATE

MEL_KNOTS = 10  # of the random equaliser, evenly spaced on the mel scale


def recorded(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Clips (b, s) at 24 kHz, each with random alterations, within [-1, 1]."""
    b, s = clips.shape
    device = clips.device
    hz = torch.fft.rfftfreq(s, 1 / SAMPLE_RATE, device=device)
    gain = 10 ** ((equaliser_db(b, hz, generator) + low_pass_db(b, hz, generator)) / 20)
    response = gain * (1 + torch.fft.rfft(room(b, s, generator)))
    made = torch.fft.irfft(torch.fft.rfft(clips) * response, s)
    level = torch.exp(torch.randn(b, 1, generator=generator, device=device) * 0.5)
    level = level * clips.square().mean(1, keepdim=True).sqrt() / (made.square().mean(1, keepdim=True).sqrt() + 1e-5)
    hiss = torch.rand(b, 1, generator=generator, device=device) ** 4 * 0.02
    made = made * level + torch.randn(b, s, generator=generator, device=device) * hiss
    return made / made.abs().amax(1, keepdim=True).clamp(min=1.0)


def equaliser_db(b: int, hz: Tensor, generator: torch.Generator, share: float = 0.7) -> Tensor:
    """Smooth random gains (b, n_bins) in dB: nothing at all on the other samples, up to about 15 on the strongest."""
    knots = torch.randn(b, MEL_KNOTS, generator=generator, device=hz.device) * 7
    drawn = torch.rand(b, 1, generator=generator, device=hz.device)
    strength = (1 - drawn / share).clamp(min=0)
    place = torch.log1p(hz / 700) / math.log1p(SAMPLE_RATE / 2 / 700) * (MEL_KNOTS - 1)
    below = place.long().clamp(max=MEL_KNOTS - 2)
    return strength * torch.lerp(knots[:, below], knots[:, below + 1], place - below)


def low_pass_db(b: int, hz: Tensor, generator: torch.Generator, share: float = 0.35) -> Tensor:
    """Gains (b, n_bins) in dB of low-passes at 3 to 11.5 kHz, 80 dB down within 0.1 to 1.6 kHz, on some samples."""
    drawn = torch.rand(3, b, 1, generator=generator, device=hz.device)
    cutoff, width = 3000 + 8500 * drawn[0], 100 + 1500 * drawn[1]
    return -80 * ((hz - cutoff) / width).clamp(0, 1) * (drawn[2] < share)


def room(b: int, s: int, generator: torch.Generator, share: float = 0.2) -> Tensor:
    """Impulse responses (b, s) of rooms without their direct sound, silent for the other samples."""
    drawn = torch.rand(3, b, 1, generator=generator, device=generator.device)
    seconds, below_db = 0.1 + 0.5 * drawn[0], 3 + 20 * drawn[1]
    time_s = torch.arange(s, device=generator.device) / SAMPLE_RATE
    decay = torch.exp(-3 * math.log(10) * time_s / seconds)
    noise = torch.randn(b, s, generator=generator, device=generator.device) * decay
    energy = noise.square().sum(1, keepdim=True).sqrt()
    return noise / energy * 10 ** (-below_db / 20) * (drawn[2] < share)
