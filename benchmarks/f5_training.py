"""Part of f5_gpu.py: training steps of F5TTS_v1_Base, ours and upstream's, on the same batches."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from f5_world import guarded

from locutor.engines.f5.dit import DiT
from locutor.engines.lora import LoraConfig, adapt
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.f5 import Batch, Clip, F5Objective, SpanConfig
from locutor.training.f5_finetune import FRAMES_PER_CLIP, F5Trainable
from locutor.training.learning import learning_of
from locutor.training.loop import make_optimizer, step_of

if TYPE_CHECKING:
    from f5_world import World

FRAMES = 19_200
MIN_ROUNDS, MAX_ROUNDS = 3, 12


def clips(world: "World") -> list[Clip]:
    generator = torch.Generator().manual_seed(1)
    seconds = (3 + 12 * torch.rand(160, generator=generator)).tolist()
    ids = [world.vocab[c] for c in world.text(20.0)]
    return [Clip(torch.randn(world.frames(s), 100, generator=generator), tuple(ids[: int(15 * s)])) for s in seconds]


@dataclass
class Contender:
    """A trainer: what does its step k, and the frames of each of the batches that it takes in turn."""

    name: str
    step: Callable[[int], Any]
    frames: list[int]
    times: list[list[float]] = field(default_factory=list)

    def round(self, world: "World") -> None:
        """Every batch once."""
        for k in range(len(self.frames)):
            world.sync()
            start = time.perf_counter()
            self.step(k)
            world.sync()
            self.times[k].append(time.perf_counter() - start)

    @property
    def rate(self) -> float:
        """Frames of all batches over the sum of each one's median time, a second."""
        return sum(self.frames) / sum(statistics.median(spent) for spent in self.times)


def run(world: "World") -> None:
    parts = ("_network", "_vocoder", "_decoder", "_runtime", "_graphs")
    if "engine" in vars(world):
        for part in parts:
            setattr(world.engine, part, None)
    for name in ("engine", "runtime", "upstream", "upstream_vocoder"):
        vars(world).pop(name, None)
    frames = FRAMES if not world.tiny else 400
    own = 8 * FRAMES_PER_CLIP if not world.tiny else 200  # a run's own batches with LoRA
    torch._dynamo.config.recompile_limit = 64  # for all of them together
    race(world, {
        "upstream": lambda: _upstream(world, frames),
        "ours": lambda: _ours(world, frames),
        "ours, compiled": lambda: _ours(world, frames, compiled=True),
        "ours, not recorded": lambda: _ours(world, frames, recorded=False),
        "ours, compiled, not recorded": lambda: _ours(world, frames, compiled=True, recorded=False),
    })  # fmt: skip
    vars(world).pop("upstream", None)
    race(world, {
        f"LoRA, at most {own} frames": lambda: _ours(world, own, lora=True),
        "the same, compiled": lambda: _ours(world, own, compiled=True, lora=True),
        "the same, not recorded": lambda: _ours(world, own, recorded=False, lora=True),
        "LoRA": lambda: _ours(world, frames, lora=True),
        "LoRA, compiled": lambda: _ours(world, frames, compiled=True, lora=True),
    })  # fmt: skip


def race(world: "World", makers: dict[str, Callable[[], Contender]]) -> list[Contender]:
    """All in turn, round after round, so that what a shared host does at times falls on all of them. Returns those
    that ran."""
    running: list[Contender] = []

    def begin(name: str, make: Callable[[], Contender]) -> str:
        _free()
        on_gpu = world.device.type == "cuda"
        before, reserved = (torch.cuda.memory_allocated(), torch.cuda.memory_reserved()) if on_gpu else (0, 0)
        contender = make()
        start = time.perf_counter()
        for k in range(len(contender.frames)):
            contender.step(k)
        world.sync()
        spent = time.perf_counter() - start
        for k in range(len(contender.frames)):  # in which steps are recorded
            contender.step(k)
        world.sync()
        told = f"first {len(contender.frames)} steps {spent:.1f} s"
        if on_gpu:
            peak, kept = torch.cuda.max_memory_allocated() - before, torch.cuda.memory_reserved() - reserved
            told += f", peak {peak / 2**30:.1f} GiB, reserved {kept / 2**30:.1f} GiB"
        contender.name, contender.times = name, [[] for _ in contender.frames]
        running.append(contender)
        return told

    for name, make in makers.items():
        guarded(name, lambda name=name, make=make: begin(name, make))
    for n in range(1, MAX_ROUNDS + 1):
        start = time.perf_counter()
        for contender in running:
            contender.round(world)
        if n >= MIN_ROUNDS and time.monotonic() + (time.perf_counter() - start) > world.end:
            break
    for contender in running:
        print(f"  {contender.name}: {contender.rate:.0f} frames/s, {contender.rate / running[0].rate:.2f} x "
              f"the first's (rounds {n})", flush=True)  # fmt: skip
    return running


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _made(world: "World", frames: int, lora: bool) -> tuple[F5Objective, list[Batch]]:
    """A network to teach, and some of its batches."""
    network = DiT(world.network.config, len(world.vocab))
    network.load_state_dict(world.network.state_dict())
    network.to(world.device).train()
    if lora:
        adapt(network, LoraConfig(targets=F5Trainable.adapter_targets))
    objective = F5Objective(network, clips(world), config=SpanConfig(frames_per_batch=frames))
    return objective, _batches(objective)


def _ours(world: "World", frames: int, compiled: bool = False, recorded: bool = True, lora: bool = False) -> Contender:
    objective, batches = _made(world, frames, lora)
    on_gpu = world.device.type == "cuda"
    config = TrainConfig(
        max_steps=1, learning_rate=1e-5, compile=compiled and on_gpu, record=recorded,
        precision="bf16" if on_gpu else "fp32",
    )  # fmt: skip
    optimizer, ema = make_optimizer(objective.network, config, world.device), EMA(objective.network, 0.999)
    learn = learning_of(objective, config)

    def step(k: int) -> None:
        step_of(Given(objective, batches[k]), learn, optimizer, config, k)
        ema.update()

    return Contender("", step, [int(b.n_frames.sum()) for b in batches])


class Given:
    """An objective that gives one batch."""

    def __init__(self, objective: Any, batch: Any) -> None:
        self.network, self._batch = objective.network, batch

    def batch(self, generator: torch.Generator) -> Any:
        return self._batch


def _batches(objective: F5Objective) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    return [objective.batch(generator) for _ in range(6)]


def _upstream(world: "World", frames: int) -> Contender:
    import f5_upstream

    model = world.upstream.float().requires_grad_(True)
    step_of = f5_upstream.TrainingStep(model)
    small = DiT(world.network.config.model_copy(update=dict(depth=1, dim=32, heads=1)), len(world.vocab))
    batches = _batches(F5Objective(small, clips(world), config=SpanConfig(frames_per_batch=frames)))
    names = list(world.vocab)
    texts: list[Any] = [[[names[i - 1] for i in row.tolist() if i > 0] for row in b.rows] for b in batches]
    on_device = [(b.mel.to(world.device), b.n_frames.to(world.device)) for b in batches]

    def step(k: int) -> None:
        mel, lengths = on_device[k]
        step_of(mel, texts[k], lengths)

    return Contender("", step, [int(b.n_frames.sum()) for b in batches])
