"""What a batch teaches: its loss and, added to those of the network, its gradients.

A training step of many small kernels is bound by their launches. Where an objective can bring its batches to few
shapes, forward and backward of each shape are recorded as a CUDA graph and replayed; drawing what is random, clipping,
optimizer and average stay outside.
"""

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from locutor.training.captured import Captured, Workspace
from locutor.training.compiled import compile_blocks
from locutor.training.config import TrainConfig


class Measured(Protocol):
    """A network and how wrong it is."""

    @property
    def network(self) -> nn.Module: ...

    def loss(self, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        """Scalars; "loss" is minimised. The generator is on the network's device."""
        ...

    def held_out(self) -> list[Any]:
        """A few fixed batches that training never sees; may be empty."""
        ...


@runtime_checkable
class Recordable(Measured, Protocol):
    """Whose batches can be padded to few shapes."""

    def can_be_recorded(self) -> bool:
        """Whether loss_of, under bf16 autocast, reads nothing back to the host."""
        ...

    def shaped(self, batch: Any, generator: torch.Generator) -> tuple[Hashable, tuple[Tensor, ...]]:
        """What `loss` draws of a batch, padded: the shape, and tensors whose sizes it determines."""
        ...

    def loss_of(self, shape: Any, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """As `loss`, of what `shaped` gives; draws nothing but from the device's default generator."""
        ...


class Learning:
    """Plain: forward and backward as they come.

    keeps_gradients: whether they must be zeroed in place. settles_after: calls with a batch before one takes the time
    that it will always take.
    """

    keeps_gradients, settles_after = False, 0

    def __init__(self, objective: Measured, precision: str) -> None:
        self._objective, self._precision = objective, precision

    def __call__(self, batch: Any, generator: torch.Generator, n_batches: int = 1) -> dict[str, Tensor]:
        """Losses of the batch, detached. n_batches: whose gradients are added up to their mean."""
        with torch.autocast(generator.device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            losses = self._objective.loss(batch, generator)
        torch.autograd.backward(losses["loss"] / n_batches)
        return {name: value.detach() for name, value in losses.items()}


class RecordedLearning:
    """In bf16 from graphs; what it returns is overwritten by the next call.

    Gradients must stay where they are: zero them, do not replace them. n_plain: calls of a shape before it is recorded,
    in which libraries get ready for it. max_shapes: that are recorded, for each takes some 20 MB of a large network;
    others are learned without a graph.
    """

    n_plain, max_shapes = 1, 64
    keeps_gradients, settles_after = True, n_plain + 1

    def __init__(self, objective: Recordable) -> None:
        self._objective = objective
        self._captured, self._workspace = dict[Hashable, Captured](), Workspace()

    def __call__(self, batch: Any, generator: torch.Generator, n_batches: int = 1) -> dict[str, Tensor]:
        with torch.autocast("cuda", torch.bfloat16):
            shape, tensors = self._objective.shaped(batch, generator)
        share = torch.full((), 1 / n_batches, device=generator.device)
        learn = partial(_learn, self._objective, shape)
        if shape not in self._captured and len(self._captured) < self.max_shapes:
            self._captured[shape] = Captured(learn, self._workspace, self.n_plain)
        return self._captured.get(shape, learn)(share, *tensors)


def _learn(objective: Recordable, shape: Hashable, share: Tensor, *tensors: Tensor) -> dict[str, Tensor]:
    # without the cache: a graph must not use what another cast
    with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
        losses = objective.loss_of(shape, tensors)
    torch.autograd.backward(losses["loss"] * share)
    return {name: value.detach() for name, value in losses.items()}


def learning_of(objective: Measured, config: TrainConfig) -> Learning | RecordedLearning:
    """How a run learns: with config.record from recorded steps where that can be. With config.compile its network's
    blocks are compiled, in place; raises OptionError to do that without CUDA."""
    if config.compile:
        compile_blocks(objective.network)
    recorded = config.record and config.precision == "bf16"
    if recorded and isinstance(objective, Recordable) and objective.can_be_recorded():
        return RecordedLearning(objective)
    return Learning(objective, config.precision)
