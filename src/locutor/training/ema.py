"""Running average of a network's weights, which is what speaks in the end."""

import torch
from torch import Tensor, nn


class EMA:
    """Average of the floating-point tensors of a network, in float32.

    The decay starts low and rises as (1 + n) / (10 + n) to its bound, so that short runs are not dominated by their
    first steps: after n updates the average reaches back about n / 9 steps. What the network does not train is
    not averaged, unless all of it is trained. The network's tensors must stay where they are: their list is made once,
    since making it took 6 ms of a step of F5.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.n_updates = decay, 0
        self._trained = {k: v.detach() for k, v in _floats(network).items()}
        self.tensors = {k: v.float().clone() for k, v in self._trained.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network as it is now."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        current = [v.float() for v in self._trained.values()]
        torch._foreach_lerp_(list(self.tensors.values()), current, 1 - decay)
        self.n_updates += 1

    def state(self, network: nn.Module) -> dict[str, Tensor]:
        """A full state dict of the network with the averages in place."""
        return {k: self.tensors.get(k, v.detach()) for k, v in network.state_dict().items()}


def trained_tensors(network: nn.Module) -> dict[str, Tensor]:
    """What of a network's state training changes: all of it, or where some parameters are frozen, the others."""
    state = network.state_dict()
    if all(parameter.requires_grad for parameter in network.parameters()):
        return state
    return {name: state[name] for name, parameter in network.named_parameters() if parameter.requires_grad}


def _floats(network: nn.Module) -> dict[str, Tensor]:
    return {k: v for k, v in trained_tensors(network).items() if v.is_floating_point()}
