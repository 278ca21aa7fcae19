"""The language model's weights in 8 bits, for the CPU: a code is made as fast as the weights can be read.

Each output channel has its own scale; inputs, sums and everything else stay float32, so nothing needs calibration.
"""

import torch
from torch import Tensor, nn

from locutor.engines.xtts.gpt import Conv1D


class Int8Linear(nn.Module):
    """A Conv1D whose weight is int8 (out, in) times a scale per row."""

    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, layer: Conv1D) -> None:
        super().__init__()
        weight = layer.weight.detach().float().T  # (out, in)
        scale = weight.abs().amax(dim=1) / 127
        rounded = (weight / scale.clamp(min=1e-12)[:, None]).round().clamp(-127, 127)
        self.register_buffer("weight", rounded.to(torch.int8).contiguous())
        self.register_buffer("scale", scale)
        self.register_buffer("bias", layer.bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)"""
        flat = torch._weight_int8pack_mm(x.reshape(-1, x.shape[-1]), self.weight, self.scale) + self.bias
        return flat.view(*x.shape[:-1], -1)


def quantised(blocks: nn.Module) -> None:
    """Replace every Conv1D in place."""
    for module in list(blocks.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conv1D):
                setattr(module, name, Int8Linear(child))
