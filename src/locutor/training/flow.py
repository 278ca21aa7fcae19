"""Conditional flow matching (arXiv 2210.02747) with straight paths, as F5-TTS trains it.

Shapes: b batch, f frames, c mel bands.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class FlowSample:
    """A point on the straight path from noise to data. x: (b, f, c); time: (b,); velocity: (b, f, c), the target."""

    x: Tensor
    time: Tensor
    velocity: Tensor


def flow_sample(data: Tensor, generator: torch.Generator) -> FlowSample:
    """Draw noise and a time in [0, 1) for each sample of data (b, f, c)."""
    noise = torch.randn(data.shape, generator=generator, device=data.device, dtype=data.dtype)
    time = torch.rand(data.shape[0], generator=generator, device=data.device, dtype=data.dtype)
    t = time[:, None, None]
    return FlowSample(x=(1 - t) * noise + t * data, time=time, velocity=data - noise)


def draw(probability: float, n: int, generator: torch.Generator) -> Tensor:
    """(n,) bool, each True with the probability: which samples have a condition withheld."""
    return torch.rand(n, generator=generator, device=generator.device) < probability


def masked_mse(predicted: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Mean squared error in float32 over the frames that `counted` (b, f) admits."""
    error = (predicted.float() - target.float()).square().mean(-1)  # (b, f, c) -> (b, f)
    if counted is None:
        return error.mean()
    return error.masked_fill(~counted, 0.0).sum() / counted.sum()  # error[counted] would wait for the device
