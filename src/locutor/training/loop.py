"""The training loop, for any network with an objective.

Every random draw of step k, of data and of noise, comes from a generator seeded by (seed, k). So a run that was
stopped and resumed continues exactly as if it had not been, with no loader or generator state to keep.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from locutor.errors import EngineError
from locutor.training import checkpoint
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.log import RunLog
from locutor.training.schedule import learning_rate


class Objective(Protocol):
    """What is trained, and on what."""

    network: nn.Module

    def batch(self, generator: torch.Generator) -> Any:
        """Training data of one step, drawn by the (CPU) generator."""
        ...

    def loss(self, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        """Scalars; "loss" is minimised. The generator is on the network's device."""
        ...

    def held_out(self) -> list[Any]:
        """A few fixed batches that training never sees; may be empty."""
        ...


def fit(objective: Objective, config: TrainConfig, run: Path) -> checkpoint.RunState:
    """Train until max_steps or max_seconds, resuming from the run's latest checkpoint if it has one.

    Raises EngineError when the loss stops being a number: nothing is saved after that.
    """
    network = objective.network
    device = next(network.parameters()).device
    optimizer = _optimizer(network, config, device)
    ema = EMA(network, config.ema_decay)
    state = checkpoint.RunState()
    if (found := checkpoint.latest(run)) is not None:
        state = checkpoint.restore(found, network, ema, optimizer)
    log = RunLog(run)
    sums: dict[str, Tensor] = {}
    tick, tick_step = time.monotonic(), state.step
    origin = tick - state.elapsed_s
    while (progress := _progress(config, state)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, state.step, progress)
        losses = _step(objective, optimizer, config, state.step, device)
        ema.update(network)
        state.step += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0) + value.detach()
        if _due(state.step, config.log_every):
            n = state.step - tick_step
            means = {f"train/{name}": float(value) / n for name, value in sums.items()}
            if not math.isfinite(means["train/loss"]):
                raise EngineError(f"the loss became {means['train/loss']} before step {state.step}; nothing was saved")
            now = time.monotonic()
            rate = {"lr": optimizer.param_groups[0]["lr"], "steps_per_s": n / (now - tick)}
            log.write(state.step, means | rate)
            sums, tick, tick_step = {}, now, state.step
        state.elapsed_s = time.monotonic() - origin
        _evaluate_and_save(objective, ema, optimizer, config, state, run, log)
    checkpoint.save(run, network, ema, optimizer, state, config.keep_last)
    log.close()
    return state


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _progress(config: TrainConfig, state: checkpoint.RunState) -> float:
    by_steps = state.step / config.max_steps
    by_clock = state.elapsed_s / config.max_seconds if config.max_seconds else 0.0
    return max(by_steps, by_clock)


def _optimizer(network: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    trained = [p for p in network.parameters() if p.requires_grad]
    decayed = {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay}
    others = {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0}
    fused = device.type == "cuda"
    return torch.optim.AdamW([decayed, others], lr=config.learning_rate, betas=config.betas, fused=fused)


def _generators(seed: int, step: int, device: torch.device) -> tuple[torch.Generator, torch.Generator]:
    mixed = (seed * 1_000_003 + step) % 2**63
    return torch.Generator().manual_seed(mixed), torch.Generator(device).manual_seed(mixed)


def _step(
    objective: Objective, optimizer: torch.optim.Optimizer, config: TrainConfig, step: int, device: torch.device
) -> Mapping[str, Tensor]:
    on_cpu, on_device = _generators(config.seed, step, device)
    batch = objective.batch(on_cpu)
    with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        losses = objective.loss(batch, on_device)
    optimizer.zero_grad(set_to_none=True)
    losses["loss"].backward()
    torch.nn.utils.clip_grad_norm_(objective.network.parameters(), config.clip_norm)
    optimizer.step()
    return losses


def _evaluate_and_save(
    objective: Objective,
    ema: EMA,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    state: checkpoint.RunState,
    run: Path,
    log: RunLog,
) -> None:
    improved = False
    if _due(state.step, config.held_out_every) and (means := held_out_losses(objective, ema, config)):
        log.write(state.step, {f"held_out/{k}": v for k, v in means.items()})
        improved = means["loss"] < state.best_held_out
        state.best_held_out = min(state.best_held_out, means["loss"])
    if improved or _due(state.step, config.save_every):
        folder = checkpoint.save(run, objective.network, ema, optimizer, state, config.keep_last)
        if improved:
            checkpoint.mark_best(run, folder)


@torch.no_grad()
def held_out_losses(objective: Objective, ema: EMA, config: TrainConfig) -> dict[str, float]:
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
            losses = objective.loss(batch, _generators(0, k, device)[1])
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value) / len(batches)
    network.load_state_dict(trained)
    network.train()
    return totals
