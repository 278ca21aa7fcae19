"""Part of f5_gpu.py: training steps of F5TTS_v1_Base, ours and upstream's, on the same batches."""

import gc
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from f5_world import guarded
from torch import Tensor

from locutor.engines.f5.dit import DiT
from locutor.engines.lora import LoraConfig, adapt
from locutor.training.compiled import compile_blocks
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.f5 import Batch, Clip, F5Objective, SpanConfig
from locutor.training.f5_finetune import FRAMES_PER_CLIP, F5Trainable

if TYPE_CHECKING:
    from f5_world import World

FRAMES = 19_200


def clips(world: "World") -> list[Clip]:
    generator = torch.Generator().manual_seed(1)
    seconds = (3 + 12 * torch.rand(160, generator=generator)).tolist()
    ids = [world.vocab[c] for c in world.text(20.0)]
    return [Clip(torch.randn(world.frames(s), 100, generator=generator), tuple(ids[: int(15 * s)])) for s in seconds]


def run(world: "World") -> None:
    parts = ("_network", "_vocoder", "_decoder", "_runtime", "_graphs")
    if "engine" in vars(world):
        for part in parts:
            setattr(world.engine, part, None)
    for name in ("engine", "runtime", "upstream", "upstream_vocoder"):
        vars(world).pop(name, None)
    _free()
    frames = FRAMES if not world.tiny else 400
    own = 8 * FRAMES_PER_CLIP if not world.tiny else 200  # a run's own batches with LoRA
    settings: dict[str, dict[str, Any]] = {
        "ours, compiled": dict(compiled=True),
        "ours, as it is": dict(),
        "ours, LoRA, compiled": dict(lora=True, compiled=True),
        f"ours, LoRA, compiled, batches of at most {own} frames": dict(lora=True, compiled=True, frames=own),
        f"ours, LoRA, batches of at most {own} frames": dict(lora=True, frames=own),
        "ours, LoRA": dict(lora=True),
    }
    guarded("upstream", lambda: _upstream(world, frames))
    vars(world).pop("upstream", None)
    _free()
    for name, setting in settings.items():
        guarded(name, lambda setting=setting: _ours(world, **{"frames": frames} | setting))
        _free()


def _free() -> None:
    gc.collect()
    torch._dynamo.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _ours(world: "World", frames: int, compiled: bool = False, lora: bool = False) -> str:
    from locutor.training import loop

    network = DiT(world.network.config, len(world.vocab))
    network.load_state_dict(world.network.state_dict())
    network.to(world.device).train()
    if lora:
        adapt(network, LoraConfig(targets=F5Trainable.adapter_targets))
    if compiled and world.device.type == "cuda":
        compile_blocks(network)
    objective = F5Objective(network, clips(world), config=SpanConfig(frames_per_batch=frames))
    config = TrainConfig(max_steps=1, learning_rate=1e-5)
    make = getattr(loop, "make_optimizer", None) or loop._optimizer
    optimizer, ema = make(network, config, world.device), EMA(network, 0.999)
    batches = _batches(objective)
    losses: list[Tensor] = []

    def step(k: int) -> None:
        given = _Given(objective, batches[k % len(batches)])
        losses.append(loop._step(given, optimizer, config, k, world.device)["loss"])
        ema.update(network)

    told = _timed(world, step, [int(b.n_frames.sum()) for b in batches])
    return f"{told}; losses {float(losses[0].detach()):.5f}, {float(losses[-1].detach()):.5f}"


class _Given:
    """An objective that gives one batch."""

    def __init__(self, objective: F5Objective, batch: Batch) -> None:
        self.network, self.loss, self._batch = objective.network, objective.loss, batch

    def batch(self, generator: torch.Generator) -> Batch:
        return self._batch


def _batches(objective: F5Objective) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    return [objective.batch(generator) for _ in range(6)]


def _upstream(world: "World", frames: int) -> str:
    import f5_upstream

    model = world.upstream.float().requires_grad_(True)
    step_of = f5_upstream.TrainingStep(model)
    small = DiT(world.network.config.model_copy(update=dict(depth=1, dim=32, heads=1)), len(world.vocab))
    batches = _batches(F5Objective(small, clips(world), config=SpanConfig(frames_per_batch=frames)))
    names = list(world.vocab)
    texts: list[Any] = [[[names[i - 1] for i in row.tolist() if i > 0] for row in b.rows] for b in batches]
    on_device = [(b.mel.to(world.device), b.n_frames.to(world.device)) for b in batches]

    def step(k: int) -> None:
        mel, lengths = on_device[k % len(batches)]
        step_of(mel, texts[k % len(batches)], lengths)

    return _timed(world, step, [int(b.n_frames.sum()) for b in batches])


def _timed(world: "World", step: Callable[[int], None], frames: list[int]) -> str:
    """Frames of all batches over the sum of the median times of each."""
    start = time.perf_counter()
    for k in range(len(frames)):
        step(k)
    world.sync()
    warm_s = time.perf_counter() - start
    n_rounds = max(2, world.n_runs(1.0, 36) // len(frames))
    times: list[list[float]] = [[] for _ in frames]
    for k in range(n_rounds * len(frames)):
        world.sync()
        start = time.perf_counter()
        step(k)
        world.sync()
        times[k % len(frames)].append(time.perf_counter() - start)
    rate = sum(frames) / sum(statistics.median(spent) for spent in times)
    peak = f", peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if world.device.type == "cuda" else ""
    return f"{rate:.0f} frames/s (n {n_rounds * len(frames)}){peak}, first {len(frames)} steps {warm_s:.1f} s"
