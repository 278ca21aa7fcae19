"""What depends on the flow time alone, computed once per schedule: 41.7 % of F5TTS_v1_Base's weights do nothing else.

Shapes: s steps, d model width.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.engines.f5.dit import DiT
from locutor.engines.f5.sampling import time_grid


@dataclass(frozen=True)
class Schedule:
    """times: s + 1 flow times. modulation: (s, 6 * depth + 2, d) float32 on the device of the solve: for each block
    shift, scale, gate of the attention and of the feed-forward, then scale and shift of the last norm."""

    times: tuple[float, ...]
    modulation: Tensor

    @property
    def n_steps(self) -> int:
        return len(self.times) - 1

    def step_length(self, k: int) -> float:
        return self.times[k + 1] - self.times[k]


@torch.inference_mode()
def make_schedule(network: DiT, nfe_step: int, sway_sampling_coef: float, device: torch.device) -> Schedule:
    """Run the time embedding and every adaptive norm's layer over all times of a solve, where the network is."""
    times = time_grid(nfe_step, sway_sampling_coef)
    starts = times[:-1].to(network.proj_out.weight.device)
    embedded = F.silu(network.time_embed(starts))
    norms: list[Any] = [block.attn_norm for block in network.transformer_blocks] + [network.norm_out]
    rows = [norm.linear(embedded).float().view(len(starts), -1, network.config.dim) for norm in norms]
    return Schedule(tuple(times.tolist()), torch.cat(rows, dim=1).to(device))
