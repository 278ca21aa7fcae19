"""The language model's weights in 8 bits, for the CPU: a code is made as fast as the weights can be read.

Each output channel has its own scale; inputs, sums and everything else stay float32, so nothing needs calibration.
"""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from locutor.engines.conv1d import Conv1D


class Int8Linear(nn.Module):
    """A Conv1D on 8-bit weights, with a scale for each output channel.

    The kernel gives all rows of its input one scale, found from them; so that a row does not depend on its
    neighbours, each is scaled to 1 before and back after, and a row that spans -1 to 1 is put beside them.
    """

    span: Tensor
    bias: Tensor

    def __init__(self, layer: Conv1D) -> None:
        super().__init__()
        weight = layer.weight.detach().float().T.contiguous()  # (out, in)
        scale = (weight.abs().amax(dim=1).double() / 127).clamp(min=1e-12)
        zero = torch.zeros(len(scale), dtype=torch.long)
        with warnings.catch_warnings():  # torch means to drop this type; no other kernel for it is as fast yet
            warnings.simplefilter("ignore", UserWarning)
            quantised_weight = torch.quantize_per_channel(weight, scale, zero, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(quantised_weight, None)
        span = torch.zeros(1, weight.shape[1])
        span[0, 0], span[0, 1] = -1, 1
        self.register_buffer("span", span, persistent=False)
        self.register_buffer("bias", layer.bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)"""
        flat = x.reshape(-1, x.shape[-1])
        top = flat.abs().amax(dim=1, keepdim=True).clamp(min=1e-12)
        out = torch.ops.quantized.linear_dynamic(torch.cat([flat / top, self.span]), self._packed, True)
        return torch.addcmul(self.bias, out[:-1], top).view(*x.shape[:-1], -1)


def can_quantise() -> bool:
    """Whether PyTorch has kernels for 8 bits here. On Apple's processors it has to be told to use them."""
    backend: Any = torch.backends.quantized
    if backend.engine == "none" and "qnnpack" in backend.supported_engines:
        backend.engine = "qnnpack"
    return bool(backend.engine != "none")


def quantised(blocks: nn.Module) -> None:
    """Replace every Conv1D in place."""
    for module in list(blocks.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conv1D):
                setattr(module, name, Int8Linear(child))
