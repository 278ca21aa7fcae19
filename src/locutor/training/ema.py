"""Running average of a network's weights, which is what speaks in the end."""

import torch
from torch import Tensor, nn


class EMA:
    """Average of the floating-point tensors of a network, in float32.

    The decay starts low and rises as (1 + n) / (10 + n) to its bound, so that short runs are not dominated by their
    first steps: after n updates the average reaches back about n / 9 steps.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.n_updates = decay, 0
        self.tensors = {k: v.detach().float().clone() for k, v in _floats(network).items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        current = _floats(network)
        names = list(self.tensors)
        torch._foreach_lerp_([self.tensors[k] for k in names], [current[k].float() for k in names], 1 - decay)
        self.n_updates += 1

    def state(self, network: nn.Module) -> dict[str, Tensor]:
        """A full state dict of the network with the averages in place."""
        return {k: self.tensors.get(k, v.detach()) for k, v in network.state_dict().items()}


def _floats(network: nn.Module) -> dict[str, Tensor]:
    return {k: v for k, v in network.state_dict().items() if v.is_floating_point()}
