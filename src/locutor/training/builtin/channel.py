"""Make clean synthetic speech sound as if recorded. Tone colour and level go on reference and target alike; a narrow
band, a room and noise on the reference only, so that the network learns to speak cleanly in a voice recorded badly.

All of it acts on log-mel frames, where a filter is an offset per band. Shapes: b batch, f frames, c mel bands.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.audio.mel import FRAME_RATE, LOG_FLOOR

FLOOR = math.log(LOG_FLOOR)


def random_colour(b: int, c: int, probability: float, generator: torch.Generator) -> Tensor:
    """Offsets (b, 1, c) in nepers: a smooth random equaliser and a level change.

    Zero for samples that stay clean (1 - probability of them), but for the level, which always varies a little.
    """
    device = generator.device
    knots = torch.randn(b, 1, 8, generator=generator, device=device) * 0.35
    curve = F.interpolate(knots, size=c, mode="linear", align_corners=True)
    coloured = (torch.rand(b, 1, 1, generator=generator, device=device) < probability).float()
    level = torch.randn(b, 1, 1, generator=generator, device=device) * 0.1
    return coloured * curve + level


def narrowed(mel: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Some samples of (b, f, c) log-mel low-passed at 3 to 12 kHz, as telephones, codecs and 16 kHz files are."""
    b, _, c = mel.shape
    cutoff = (0.53 + 0.47 * torch.rand(b, 1, 1, generator=generator, device=mel.device)) * c
    steep = 0.2 + 3 * torch.rand(b, 1, 1, generator=generator, device=mel.device) ** 2  # nepers a band
    chosen = torch.rand(b, 1, 1, generator=generator, device=mel.device) < probability
    loss = steep * (torch.arange(c, device=mel.device) - cutoff).clamp(min=0)
    return (mel - loss * chosen).clamp(min=FLOOR)


def reverberant(mel: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """The first `share` of the samples of (b, f, c) log-mel in a room: every frame rings on, 5 to 25 dB below, for 0.1
    to 0.8 s."""
    n, f = round(share * len(mel)), mel.shape[1]
    device = mel.device
    drawn = torch.rand(2, n, 1, 1, generator=generator, device=device)
    seconds, below_db = 0.1 + 0.7 * drawn[0], 5 + 20 * drawn[1]
    decay = 6 * math.log(10) / FRAME_RATE / seconds  # of the log power in a frame: 60 dB in so many seconds
    faded = decay * torch.arange(f, device=device)[:, None]
    power = 2 * mel[:n].float()
    ringing = torch.logcumsumexp(power + faded, dim=1) - faded  # of this frame and all before it
    tail = F.pad(ringing, (0, 0, 1, 0), value=2 * FLOOR)[:, :-1] - decay - below_db * math.log(10) / 10
    return torch.cat([torch.logaddexp(power, tail) / 2, mel[n:]])


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


def recorded(mel: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A reference (b, f, c) as a worse recording: each of narrow band, room and noise on `share` of the samples, the
    room on half as many."""
    mel = reverberant(narrowed(mel, share, generator), share / 2, generator)
    return add_noise(mel, share, generator)
