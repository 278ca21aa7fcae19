"""Sampling of the flow as pure functions: time grid, noise, guidance, Euler steps.

Everything here is float32 whatever the network computes in. Shapes: b batch, n frames, m mel bands.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from locutor.engines.options import refuse_options
from locutor.types import SynthesisOptions

Velocity = Callable[[Tensor, float], Tensor]
"""(state (b, n, m), time in [0, 1]) -> velocity (b, n, m)."""

# Grids that keep most steps near the noise, in 32nds (Fast F5-TTS, arXiv 2505.19931). 16 is among them, so 16 steps
# are not uniform either.
EPSS_32NDS: dict[int, tuple[int, ...]] = {
    5: (0, 2, 4, 8, 16, 32),
    6: (0, 2, 4, 6, 8, 16, 32),
    7: (0, 2, 4, 6, 8, 16, 24, 32),
    10: (0, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32),
    12: (0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32),
    16: (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32),
}


NO_GUIDANCE = 1e-5  # below this the unconditional half is not computed


CODE_OPTIONS = ("temperature", "top_k", "top_p", "repetition_penalty", "length_penalty", "retries")


@dataclass(frozen=True, kw_only=True)
class SolveOptions:
    """What all utterances of a batch share; the defaults are F5-TTS'."""

    nfe_step: int = 32
    cfg_strength: float = 2.0
    sway_sampling_coef: float = -1.0

    @property
    def is_guided(self) -> bool:
        return self.cfg_strength >= NO_GUIDANCE

    @classmethod
    def of(cls, options: SynthesisOptions) -> Self:
        """The given options, with the model's defaults where they say None.

        Raises OptionError for options of models of audio codes, which have no flow to solve.
        """
        refuse_options(options, CODE_OPTIONS)
        asked = {name: getattr(options, name) for name in ("nfe_step", "cfg_strength", "sway_sampling_coef")}
        return replace(cls(), **{name: value for name, value in asked.items() if value is not None})


def time_grid(nfe_step: int, sway_sampling_coef: float = -1.0, epss: bool = True) -> Tensor:
    """Times of a solve, (nfe_step + 1,) float32 from 0 (noise) to 1 (speech).

    epss: use the pruned grid where one exists for `nfe_step`; otherwise the steps are uniform before the sway.
    """
    if epss and nfe_step in EPSS_32NDS:
        grid = torch.tensor(EPSS_32NDS[nfe_step], dtype=torch.float32) / 32
    else:
        grid = torch.linspace(0, 1, nfe_step + 1)
    return sway(grid, sway_sampling_coef)


def sway(grid: Tensor, coef: float) -> Tensor:
    """Bend a time grid towards the noise (coef < 0) or the speech (coef > 0); 0 and 1 stay where they are."""
    return grid + coef * (torch.cos(math.pi / 2 * grid) - 1 + grid)


def draw_noise(n_frames: int, n_mels: int, seed: int) -> Tensor:
    """Standard normal state, (n_frames, n_mels). Drawn on the CPU, so a seed means the same noise on every device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_frames, n_mels, generator=generator)


def draw_batch(n_frames: Sequence[int], n_mels: int, seeds: Sequence[int]) -> Tensor:
    """Noise of each sample from its own seed, padded with zeros to the longest: (b, max n, n_mels)."""
    noise = [draw_noise(n, n_mels, seed) for n, seed in zip(n_frames, seeds, strict=True)]
    return pad_sequence(noise, batch_first=True)


def guided(cond: Tensor, uncond: Tensor, cfg_strength: float | Tensor) -> Tensor:
    """Classifier-free guidance: away from the unconditional velocity."""
    return cond + (cond - uncond) * cfg_strength


def euler_step(velocity: Velocity, state: Tensor, start: float, end: float) -> Tensor:
    """One step of the solve from time `start` to `end`; state and result (b, n, m) float32."""
    return state + (end - start) * velocity(state, start).float()


def euler_solve(velocity: Velocity, noise: Tensor, grid: Tensor) -> Tensor:
    """Integrate from grid[0] to grid[-1]; costs len(grid) - 1 velocities. Returns the state at the end, (b, n, m)."""
    state = noise.float()
    times = grid.tolist()
    for start, end in zip(times, times[1:], strict=False):
        state = euler_step(velocity, state, start, end)
    return state
