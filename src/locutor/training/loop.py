"""The training loop, for any network with an objective.

Every random draw of step k, of data and of noise, comes from a generator seeded by (seed, k). So a run that was
stopped and resumed continues exactly as if it had not been, with no loader or generator state to keep.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from locutor.errors import EngineError
from locutor.training import checkpoint
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.learning import Learning, Measured, RecordedLearning, learning_of
from locutor.training.log import RunLog
from locutor.training.schedule import learning_rate


class Objective(Measured, Protocol):
    """What is trained, and on what."""

    def batch(self, generator: torch.Generator) -> Any:
        """Training data of one step, drawn by the (CPU) generator."""
        ...


@dataclass
class _Parts:
    """What a run saves and restores."""

    network: nn.Module
    ema: EMA
    optimizer: torch.optim.Optimizer
    state: checkpoint.RunState

    def save(self, run: Path, keep_last: int) -> Path:
        """Raises EngineError rather than save weights that are no numbers."""
        floats = (v for v in self.network.state_dict().values() if v.is_floating_point())
        if not all(bool(torch.isfinite(v).all()) for v in floats):
            raise EngineError(f"the weights became NaN or infinite by step {self.state.step}; they were not saved")
        return checkpoint.save(run, self.network, self.ema, self.optimizer, self.state, keep_last)


def fit(objective: Objective, config: TrainConfig, run: Path) -> checkpoint.RunState:
    """Train until max_steps or max_seconds, resuming from the run's latest checkpoint if it has one.

    Raises EngineError when the loss stops being a number: nothing is saved after that. OptionError to compile without
    CUDA.
    """
    network = objective.network
    learn = learning_of(objective, config)
    device = next(network.parameters()).device
    optimizer = make_optimizer(network, config, device)
    parts = _Parts(network, EMA(network, config.ema_decay), optimizer, checkpoint.RunState())
    if (found := checkpoint.latest(run)) is not None:
        parts.state = checkpoint.restore(found, network, parts.ema, optimizer)
    state = parts.state
    sums: dict[str, Tensor] = {}
    tick, tick_step = time.monotonic(), state.step
    origin = tick - state.elapsed_s
    with RunLog(run) as log:
        while (progress := _progress(config, state)) < 1:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, state.step, progress)
            losses = step_of(objective, learn, optimizer, config, state.step)
            parts.ema.update()
            state.step += 1
            for name, value in losses.items():
                sums[name] = sums.get(name, 0) + value
            if due(state.step, config.log_every):
                n = state.step - tick_step
                means = finite_means(sums, n, state.step)
                now = time.monotonic()
                rate = {"lr": optimizer.param_groups[0]["lr"], "steps_per_s": n / (now - tick)}
                log.write(state.step, means | rate)
                sums, tick, tick_step = {}, now, state.step
            state.elapsed_s = time.monotonic() - origin
            _evaluate_and_save(objective, config, parts, run, log)
        parts.save(run, config.keep_last)
    return state


def due(step: int, every: int) -> bool:
    """Whether something done `every` so many steps, 0 for never, falls on this one."""
    return every > 0 and step % every == 0


def finite_means(sums: Mapping[str, Tensor], n: int, step: int) -> dict[str, float]:
    """Losses summed over n steps as means for the log. Raises EngineError when one is not a number."""
    means = {f"train/{name}": float(value) / n for name, value in sums.items()}
    if broken := [f"{name} became {value}" for name, value in means.items() if not math.isfinite(value)]:
        raise EngineError(f"training failed before step {step}: {', '.join(broken)}; nothing was saved since")
    return means


def _progress(config: TrainConfig, state: checkpoint.RunState) -> float:
    by_steps = state.step / config.max_steps
    by_clock = state.elapsed_s / config.max_seconds if config.max_seconds else 0.0
    return max(by_steps, by_clock)


def make_optimizer(network: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """AdamW over what requires gradients; vectors and scalars are not decayed."""
    trained = [p for p in network.parameters() if p.requires_grad]
    decayed = {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay}
    others = {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0}
    fused = device.type == "cuda"
    return torch.optim.AdamW([decayed, others], lr=config.learning_rate, betas=config.betas, fused=fused)


def trained_by(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Its parameters. Going through a network's modules for them takes milliseconds at every step."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def step_generators(seed: int, step: int, device: torch.device) -> tuple[torch.Generator, torch.Generator]:
    """Of one step: for its data, on the CPU, and for its noise, on the device."""
    mixed = (seed * 1_000_003 + step) % 2**63
    return torch.Generator().manual_seed(mixed), torch.Generator(device).manual_seed(mixed)


def step_of(
    objective: Objective,
    learn: Learning | RecordedLearning,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    step: int,
) -> Mapping[str, Tensor]:
    """One step of the optimizer; the losses of its batch."""
    on_cpu, on_device = step_generators(config.seed, step, next(objective.network.parameters()).device)
    optimizer.zero_grad(set_to_none=not learn.keeps_gradients)
    losses = learn(objective.batch(on_cpu), on_device)
    torch.nn.utils.clip_grad_norm_(trained_by(optimizer), config.clip_norm)
    optimizer.step()
    return losses


def _evaluate_and_save(objective: Objective, config: TrainConfig, parts: _Parts, run: Path, log: RunLog) -> None:
    state, improved = parts.state, False
    if due(state.step, config.held_out_every) and (means := held_out_losses(objective, parts.ema, config)):
        log.write(state.step, {f"held_out/{k}": v for k, v in means.items()})
        improved = means["loss"] < state.best_held_out
        state.best_held_out = min(state.best_held_out, means["loss"])
    if improved or due(state.step, config.save_every):
        folder = parts.save(run, config.keep_last)
        if improved:
            checkpoint.mark_best(run, folder)


@torch.no_grad()
def held_out_losses(objective: Measured, ema: EMA, config: TrainConfig) -> dict[str, float]:
    """Mean losses of the averaged weights on the held-out batches, with the same noise every time."""
    network = objective.network
    device = next(network.parameters()).device
    trained = {k: v.clone() for k, v in network.state_dict().items()}
    network.load_state_dict(ema.state(network))
    network.eval()
    totals: dict[str, float] = {}
    batches = objective.held_out()
    for k, batch in enumerate(batches):
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            losses = objective.loss(batch, step_generators(0, k, device)[1])
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value) / len(batches)
    network.load_state_dict(trained)
    network.train()
    return totals
