"""Make clean synthetic speech sound as if recorded: tone colour and level on both sides, noise on the reference only.

All of it acts on log-mel frames, where a filter is an offset per band. Shapes: b batch, f frames, c mel bands.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.audio.mel import LOG_FLOOR

FLOOR = math.log(LOG_FLOOR)


def random_colour(b: int, c: int, probability: float, generator: torch.Generator) -> Tensor:
    """Offsets (b, 1, c) in nepers: a smooth random equaliser, sometimes a low-pass, and a level change.

    Zero for samples that stay clean (1 - probability of them), but for the level, which always varies a little.
    """
    device = generator.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    knots = torch.randn(b, 1, 8, generator=generator, device=device) * 0.35
    curve = F.interpolate(knots, size=c, mode="linear", align_corners=True)
    cutoff = (0.55 + 0.45 * uniform(b, 1, 1)) * c  # mel bands 55 to 100: about 3.5 to 12 kHz
    steep = 0.15 + 0.5 * uniform(b, 1, 1)
    band = torch.arange(c, device=device)
    low_pass = -steep * (band - cutoff).clamp(min=0) * (uniform(b, 1, 1) < 0.5)
    coloured = (uniform(b, 1, 1) < probability).float()
    level = torch.randn(b, 1, 1, generator=generator, device=device) * 0.1
    return coloured * (curve + low_pass) + level


def add_noise(mel: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Stationary noise of random colour, 10 to 45 dB below the loud frames, on some samples of (b, f, c) log-mel."""
    b, _, c = mel.shape
    loud = mel.amax(dim=(1, 2), keepdim=True)
    snr_db = 15 + 40 * torch.rand(b, 1, 1, generator=generator, device=mel.device)
    slope = torch.randn(b, 1, 1, generator=generator, device=mel.device) * 0.02
    tilt = slope * (torch.arange(c, device=mel.device) - c / 2)
    flutter = 0.4 * torch.randn(mel.shape, generator=generator, device=mel.device)
    noise = loud - snr_db * math.log(10) / 20 + tilt + flutter
    noisy = torch.logaddexp(2 * mel, 2 * noise) / 2  # powers add
    chosen = torch.rand(b, 1, 1, generator=generator, device=mel.device) < probability
    return torch.where(chosen, noisy, mel)


def coloured(mel: Tensor, colour: Tensor) -> Tensor:
    """Apply random_colour's offsets to log-mel frames, keeping the floor of digital silence."""
    return (mel + colour).clamp(min=FLOOR)
