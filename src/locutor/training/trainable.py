"""What a run needs of a model to teach it a voice: the seam between the runs and the engines.

How it is used, in order: the run asks training/registry.py for the trainable of the base model's engine; for LoRA it
replaces the linear layers that `adapter_targets` names inside `network`; then for every step `batch`, `loss`,
backward over the parameters of `network` that require gradients; now and then `held_out`; and for each checkpoint
`write`, after which the folder is a model like any other. A sample is spoken by the engine that loads that folder, so
what is heard is what was saved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from locutor.engines.checkpoints import Checkpoint
from locutor.training.dataset import Dataset
from locutor.training.learning import Measured


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a run of this engine uses unless told otherwise. full_, lora_: learning rates of the two methods. epochs:
    passes over the clips."""

    full_learning_rate: float
    lora_learning_rate: float
    epochs: int = 100


class Trainable(Measured, Protocol):
    """A network with its loss (see Measured), cut into the batches of an epoch.

    n_batches: of one epoch; every clip comes once. adapter_targets: regular expressions, matched at the end of module
    names, of the linear layers that LoRA adapts. defaults: settings that suit this engine.
    """

    @property
    def n_batches(self) -> int: ...

    @property
    def adapter_targets(self) -> tuple[str, ...]: ...

    @property
    def defaults(self) -> Defaults: ...

    def batch(self, index: int, generator: torch.Generator) -> Any:
        """Batch `index` of the epoch (0 to n_batches - 1; the run shuffles the indices anew each epoch), on the CPU or
        on the network's device. What else is random about it comes from the CPU generator."""
        ...

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
        """Write a state of `network` (its own names; never with an adapter in place), config and vocabulary into an
        existing folder, as safetensors and text; returns role -> file name as the engine's model cards have them."""
        ...


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is to be learned, from which model on.

    batch_size: clips a batch. cache: a folder where what is computed once of a dataset may be kept, such as alignments.
    on_progress: called with (clips made ready, clips in all).
    """

    base: Checkpoint
    dataset: Dataset
    batch_size: int
    device: torch.device
    cache: Path
    on_progress: Callable[[int, int], None] | None = None


TrainableMaker: TypeAlias = Callable[[Lesson], Trainable]
