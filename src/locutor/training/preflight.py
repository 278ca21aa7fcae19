"""Before a run starts: does it fit the memory and the disk, in which batches, and how long will it take?"""

import logging
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from locutor.errors import EngineError, StorageError
from locutor.training.ema import trained_tensors
from locutor.training.loop import step_generators
from locutor.training.run_config import RunConfig
from locutor.training.trainable import Trainable

log = logging.getLogger(__name__)

SPARE_DISK_BYTES = 500_000_000  # left free for samples, logs and others
FULL_BATCH_SIZE, LORA_BATCH_SIZE = 4, 8
OPTIMIZER_COPIES = 2  # AdamW keeps two numbers for each weight it trains


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run will do and cost. seconds_per_step: of a probe; estimated_s: of all steps. peak_bytes: of the probe
    with the largest batch and of what the optimizer will add; on a CPU of the whole process. disk_bytes: of all that
    is kept at a time."""

    batch_size: int
    accumulation: int
    precision: str
    learning_rate: float
    n_clips: int
    steps_per_epoch: int
    total_steps: int
    trained_parameters: int
    seconds_per_step: float
    estimated_s: float
    peak_bytes: int
    disk_bytes: int
    free_disk_bytes: int

    @property
    def epochs(self) -> int:
        """Passes over the clips."""
        return self.total_steps // self.steps_per_epoch

    def sentence(self) -> str:
        """For whoever started the run."""
        return (
            f"{self.n_clips} clips in batches of {self.batch_size} (x {self.accumulation}), {self.precision}, "
            f"{self.total_steps} updates of {self.trained_parameters / 1e6:.1f} M parameters, about "
            f"{_duration(self.estimated_s)}; {self.peak_bytes / 1e9:.1f} GB of memory, "
            f"{self.disk_bytes / 1e9:.1f} GB of disk ({self.free_disk_bytes / 1e9:.0f} GB free)"
        )


@dataclass(frozen=True)
class Fitted:
    """A trainable in batches that fit."""

    trainable: Trainable
    plan: Plan


def choose_precision(asked: str, device: torch.device) -> str:
    """bf16 where a GPU has it; CPUs are trained in fp32, which was measured to be faster there."""
    if asked != "auto":
        return asked
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def fit(config: RunConfig, make: Callable[[int], Trainable], folder: Path, n_clips: int) -> Fitted:
    """Find the largest batch of at most config.batch_size that fits, and make up for a smaller one by accumulation.

    make: the trainable in batches of a size, adapter in place. Raises StorageError when the disk is too full,
    EngineError when not even one clip fits into memory.
    """
    wanted = size = config.batch_size or (LORA_BATCH_SIZE if config.method == "lora" else FULL_BATCH_SIZE)
    while True:
        trainable = make(size)
        device = next(trainable.network.parameters()).device
        precision = choose_precision(config.precision, device)
        try:
            seconds, peak = probe(trainable, precision)
            break
        except torch.OutOfMemoryError as error:
            if size == 1:
                raise EngineError(f"not even one clip fits into the memory of {device}: {error}") from error
            log.warning("batches of %d do not fit into the memory of %s; trying %d", size, device, size // 2)
            size //= 2
            trainable.network.to("meta")  # its memory is needed for the next try
    accumulation = config.accumulation or -(-wanted // size)
    plan = _plan(config, trainable, folder, Probe(size, accumulation, precision, seconds, peak, n_clips))
    if plan.free_disk_bytes < plan.disk_bytes + SPARE_DISK_BYTES:
        raise StorageError(
            f"the run would keep {plan.disk_bytes / 1e9:.1f} GB in {folder}, where {plan.free_disk_bytes / 1e9:.1f} GB "
            "are free; keep fewer checkpoints (keep_last), train an adapter (lora), or make room"
        )
    return Fitted(trainable, plan)


@dataclass(frozen=True)
class Probe:
    """What was measured of a batch size. seconds: of one batch."""

    batch_size: int
    accumulation: int
    precision: str
    seconds: float
    peak_bytes: int
    n_clips: int


def probe(trainable: Trainable, precision: str) -> tuple[float, int]:
    """Seconds of a middling batch, and bytes in use at most with the last one, which is the largest where batches are
    sorted by length. No weight changes. Raises torch.OutOfMemoryError."""
    network = trainable.network
    device = next(network.parameters()).device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    network.train()
    seconds = 0.0
    for index in (trainable.n_batches - 1, trainable.n_batches // 2):
        started = time.monotonic()
        on_cpu, on_device = step_generators(0, index, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = trainable.loss(trainable.batch(index, on_cpu), on_device)["loss"]
        torch.autograd.backward(loss)
        seconds = float(loss.detach()) * 0.0 + time.monotonic() - started  # reading the loss waits for the device
    network.zero_grad(set_to_none=True)
    added = (OPTIMIZER_COPIES + 1) * 4 * sum(t.numel() for t in trained_tensors(network).values())  # and the average
    peak = peak_bytes(device) + added
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        if peak > free + torch.cuda.memory_reserved(device):
            raise torch.OutOfMemoryError(f"{peak / 1e9:.1f} GB are needed of {total / 1e9:.1f} GB")
    return seconds, peak


def peak_bytes(device: torch.device) -> int:
    """The most memory used so far: of a GPU by tensors, of a CPU by the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _plan(config: RunConfig, trainable: Trainable, folder: Path, probe: Probe) -> Plan:
    trained = sum(tensor.numel() for tensor in trained_tensors(trainable.network).values())
    steps_per_epoch = -(-trainable.n_batches // probe.accumulation)
    defaults = trainable.defaults
    total_steps = steps_per_epoch * (config.epochs or defaults.epochs)
    per_step = probe.seconds * probe.accumulation
    usual = defaults.lora_learning_rate if config.method == "lora" else defaults.full_learning_rate
    state = (OPTIMIZER_COPIES + 2) * 4 * trained  # weights, average, optimizer
    return Plan(
        batch_size=probe.batch_size,
        accumulation=probe.accumulation,
        precision=probe.precision,
        learning_rate=config.learning_rate or usual,
        n_clips=probe.n_clips,
        steps_per_epoch=steps_per_epoch,
        total_steps=total_steps,
        trained_parameters=trained,
        seconds_per_step=per_step,
        estimated_s=per_step * total_steps,
        peak_bytes=probe.peak_bytes,
        disk_bytes=2 * state + (config.keep_last + 2) * 4 * trained,
        free_disk_bytes=shutil.disk_usage(folder).free,
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
