"""Before a run starts: does it fit the memory and the disk, in which batches, and how long will it take?"""

import logging
import math
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from locutor.errors import EngineError, StorageError
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA, trained_tensors
from locutor.training.learning import learning_of
from locutor.training.loop import make_optimizer, step_generators
from locutor.training.run_config import RunConfig
from locutor.training.trainable import Trainable

log = logging.getLogger(__name__)

SPARE_DISK_BYTES = 500_000_000  # left free for samples, logs and others
FULL_BATCH_SIZE, LORA_BATCH_SIZE = 4, 8
OPTIMIZER_COPIES = 2  # AdamW keeps two numbers for each weight it trains
LISTENING_BYTES = 250_000_000  # Whisper base, Resemblyzer and DistillMOS, as measured; they run on the CPU
STILL = TrainConfig(max_steps=1, learning_rate=0.0, weight_decay=0.0)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run will do and cost. seconds_per_step: of a probe; estimated_s: of all steps. peak_bytes: of the
    probe; on a CPU of the whole process, with those who listen to its models. disk_bytes: of all that is kept at a
    time."""

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
            seconds, peak = probe(trainable, precision, config.record)
            peak += LISTENING_BYTES if config.evaluate and device.type == "cpu" else 0
            break
        except torch.OutOfMemoryError as error:
            if size == 1:
                raise EngineError(f"not even one clip fits into the memory of {device}: {error}") from error
            log.warning("batches of %d do not fit into the memory of %s; trying %d", size, device, size // 2)
            size //= 2
            trainable.network.to("meta")  # its memory is needed for the next try
    accumulation = (config.accumulation or 1) * -(-wanted // size)
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


def probe(trainable: Trainable, precision: str, record: bool = True) -> tuple[float, int]:
    """Seconds of a middling batch, and bytes in use at most over whole updates, optimizer and average included.

    The largest batch (the last one of FrameBuckets) comes twice, with others between: an allocator
    that has seen batches of many sizes holds more than one that has seen the largest alone. The learning rate is 0, so
    no weight changes. Raises torch.OutOfMemoryError.
    """
    network, n = trainable.network, trainable.n_batches
    device = next(network.parameters()).device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    network.train()
    optimizer = make_optimizer(network, STILL, device)
    average = EMA(network, STILL.ema_decay)
    learn = learning_of(trainable, replace(STILL, precision=precision, record=record))
    seconds = 0.0
    for index in (n - 1, 0, n // 4, n - 1, *[n // 2] * (1 + learn.settles_after)):
        started = time.monotonic()
        on_cpu, on_device = step_generators(0, index, device)
        optimizer.zero_grad(set_to_none=not learn.keeps_gradients)
        learn(trainable.batch(index, on_cpu), on_device)
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if math.isfinite(float(torch.nn.utils.clip_grad_norm_(trained, STILL.clip_norm))):
            optimizer.step()
        average.update()
        seconds = time.monotonic() - started
    optimizer.zero_grad(set_to_none=True)
    peak = peak_bytes(device)
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
