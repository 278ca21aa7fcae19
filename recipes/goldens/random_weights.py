"""The same random weights in upstream's network and in ours, made from tensor names instead of stored.

Upstream starts with modulation, output layer and GRN at zero, so that a fresh network's output is zero and any two
agree. Here every tensor is drawn anew, biases, norms and gammas included.
"""

import math
import zlib

import numpy as np
import torch
from torch import Tensor, nn

KEPT_BUFFERS = ("inv_freq", "window")  # constants of the method, not weights


def draw(name: str, shape: torch.Size, seed: int = 0) -> Tensor:
    """A tensor that depends on its name, shape and the seed alone; RandomState's stream is frozen across versions."""
    stream = np.random.RandomState(zlib.crc32(f"{seed}/{name}".encode()))
    return scaled(name, torch.from_numpy(stream.standard_normal(tuple(shape)).astype(np.float32)))


def scaled(name: str, values: Tensor) -> Tensor:
    """Standard normal values as a tensor of that name has them."""
    if name.endswith(("norm.weight", "norm.gamma", "layer_norm.weight")):
        return 1 + 0.2 * values
    if name.endswith(("grn.gamma", "grn.beta", ".gamma")):
        return 0.5 * values
    if name.endswith("head.out.bias"):
        return 2 + 0.1 * values  # a vocoder's logarithmic magnitudes: audible
    if values.dim() < 2:
        return 0.1 * values
    return values / math.sqrt(values[0].numel())


def redraw(network: nn.Module, prefix: str = "", seed: int = 0) -> None:
    """Replace every weight in place. prefix: what the network's names lack compared to the other side's."""
    for name, tensor in network.state_dict().items():
        if not name.endswith(KEPT_BUFFERS):
            tensor.copy_(draw(prefix + name, tensor.shape, seed))
