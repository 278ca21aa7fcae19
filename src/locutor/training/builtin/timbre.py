"""Make few synthetic voices stand for many real ones: random timbres, laid over reference and target alike.

Every speaker of the training speech descends from a few dozen voices of one synthesizer (five until version 2), and a
network trained on them as they are loses the voices of people. Randomising more than reality varies (arXiv
1703.06907) puts real voices inside what was seen: the vocal tract, the spectrum of the voice and its recording, and
how strongly sound and silence differ.
All of it acts on log-mel frames. Shapes: b batch, f frames, c mel bands.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.audio.mel import SAMPLE_RATE
from locutor.training.builtin.channel import FLOOR

TOP_MEL = 1 + SAMPLE_RATE / 2 / 700  # the mel scale's argument at the highest frequency


@dataclass(frozen=True)
class Timbre:
    """One timbre per sample. source: (b, 1, c) the band, a fraction, from which each band is taken; offset: (b, 1, c)
    nepers; contrast: (b, 1, 1) factor on a frame's distance from `centre`."""

    source: Tensor
    offset: Tensor
    contrast: Tensor
    centre: float

    def __call__(self, mel: Tensor) -> Tensor:
        """Log-mel (b, f, c) in this timbre; digital silence stays silent."""
        below = self.source.floor().long()
        above = (below + 1).clamp(max=mel.shape[-1] - 1)
        share = self.source - below
        taken = _bands(mel, below) * (1 - share) + _bands(mel, above) * share
        moved = self.centre + (taken - self.centre) * self.contrast + self.offset
        return torch.where(taken <= FLOOR + 0.05, taken, moved.clamp(min=FLOOR))

    def keeping_level(self, mel: Tensor) -> "Timbre":
        """The same timbre at an offset that leaves the power of (b, f, c) log-mel as it is: references are levelled."""
        power = [torch.exp(2 * m).mean((1, 2), keepdim=True) for m in (mel, self(mel))]
        return replace(self, offset=self.offset + (power[0] / power[1]).log() / 2)


def random_timbre(b: int, c: int, probability: float, generator: torch.Generator, centre: float = -2.0) -> Timbre:
    """Draw timbres; 1 - probability of the samples keep their own.

    Frequencies are scaled by up to about a fifth, unevenly along the axis; the spectrum is bent by a random curve of
    up to about 15 dB with a random tilt; contrast spreads by a tenth. centre: the log-mel level that contrast leaves.
    """
    device = generator.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device)

    def curve(n_knots: int) -> Tensor:
        return F.interpolate(normal(b, 1, n_knots), size=c, mode="linear", align_corners=True)

    changed = (torch.rand(b, 1, 1, generator=generator, device=device) < probability).float()
    log_scale = changed * (0.07 * normal(b, 1, 1) + 0.03 * curve(5)).clamp(-0.25, 0.25)
    strength = torch.rand(b, 1, 1, generator=generator, device=device)
    tilt = torch.linspace(-1, 1, c, device=device) * normal(b, 1, 1) * 0.6
    offset = changed * (strength * (curve(8) + 0.5 * curve(20)) + tilt).clamp(-2.2, 2.2)
    contrast = torch.exp(changed * 0.1 * normal(b, 1, 1))
    band = torch.arange(1, c + 1, device=device) / (c + 1)
    hz = TOP_MEL**band - 1  # in units of 700 Hz
    source = torch.log(1 + hz * torch.exp(log_scale)) / torch.log(torch.tensor(TOP_MEL, device=device)) * (c + 1) - 1
    return Timbre(source.clamp(0, c - 1), offset, contrast, centre)


def _bands(mel: Tensor, index: Tensor) -> Tensor:
    return mel.gather(2, index.expand(-1, mel.shape[1], -1))
