"""The loop that teaches a voice: epochs over a dataset, on any Trainable.

Every random draw of an update comes from its number and the run's seed, the order of an epoch from its number. So a run
that was stopped or killed goes on from its last saved state exactly as if nothing had happened.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from locutor.errors import EngineError
from locutor.training import checkpoint
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.learning import learning_of
from locutor.training.log import Board, RunLog
from locutor.training.loop import due, held_out_losses, make_optimizer, step_generators, trained_by
from locutor.training.schedule import learning_rate
from locutor.training.trainable import Trainable

MAX_SKIPPED = 3  # updates in a row whose gradient is no number


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """train: how to optimise; its max_steps is that of all epochs. accumulation: batches an update. patience: see
    RunConfig. save_per_updates: see RunConfig."""

    train: TrainConfig
    epochs: int
    accumulation: int = 1
    patience: int | None = None
    save_per_updates: int = 0

    def steps_per_epoch(self, n_batches: int) -> int:
        return math.ceil(n_batches / self.accumulation)


@dataclass(frozen=True)
class Moment:
    """Where a run is when it saves a model. tensors: the averaged weights, a state of the network."""

    epoch: int
    step: int
    tensors: Mapping[str, Tensor]
    held_out: dict[str, float]
    is_best: bool


class Watcher(Protocol):
    """What goes on around the loop."""

    def should_stop(self) -> bool:
        """Asked before every batch."""
        ...

    def on_log(self, step: int, scalars: Mapping[str, float]) -> None: ...

    def on_model(self, name: str, moment: Moment, log: RunLog) -> None:
        """Save a model: after an epoch as checkpoint_epoch_N, in between as model_N."""
        ...

    def saving(self) -> AbstractContextManager[None]:
        """Around everything that measures and writes models and states, which is lost when it is cut off."""
        ...

    def after_models(self, step: int, log: RunLog) -> bool:
        """Models were saved, and with them what it takes to go on from here; asked first of all where a run goes on.
        False when it left something out because the run is to stop."""
        ...


@dataclass
class Finetune:
    """One run of the loop. Its state lives in `folder`/step_N; give it the same trainable again to go on."""

    trainable: Trainable
    schedule: Schedule
    folder: Path
    watcher: Watcher
    state: checkpoint.RunState = field(default_factory=checkpoint.RunState)

    def __post_init__(self) -> None:
        self._network, self._config = self.trainable.network, self.schedule.train
        self._device = next(self._network.parameters()).device
        self._optimizer = make_optimizer(self._network, self._config, self._device)
        self._ema = EMA(self._network, self._config.ema_decay)
        self._n_skipped = 0
        self._learn = learning_of(self.trainable, self._config)
        if (found := checkpoint.latest(self.folder)) is not None:
            self.state = checkpoint.restore(found, self._network, self._ema, self._optimizer)

    @property
    def steps_per_epoch(self) -> int:
        return self.schedule.steps_per_epoch(self.trainable.n_batches)

    @property
    def epoch(self) -> int:
        """Epochs that are complete."""
        return self.state.step // self.steps_per_epoch

    def run(self, log_folder: Path, boards: Sequence[Board] = ()) -> str:
        """Train on; returns why it ended: "completed", "stopped", or "stale" when patience ran out. boards: see RunLog.

        Raises EngineError when the gradient stays no number: what was saved before is kept.
        """
        with RunLog(log_folder, self.state.step, boards) as log:
            ended = self._run(log)
            if ended == "stopped":
                log.ending = "stopped"
        return ended

    def _run(self, log: RunLog) -> str:
        is_whole = self.state.step == 0 or self.watcher.after_models(self.state.step, log)
        while self.state.step < self._config.max_steps and not self._is_stale():
            losses = self._update()
            if losses is None:
                with self.watcher.saving():
                    self.save()
                return "stopped"
            self._report(losses, log)
            is_whole = self._keep(log)
        if not is_whole:
            return "stopped"  # after the last update, but what is left is done when the run is resumed
        return "completed" if self.state.step >= self._config.max_steps else "stale"

    def save(self) -> None:
        """What it takes to go on from here."""
        checkpoint.save(self.folder, self._network, self._ema, self._optimizer, self.state, keep_last=1)

    def _is_stale(self) -> bool:
        return self.schedule.patience is not None and self.state.n_stale >= self.schedule.patience

    def _update(self) -> dict[str, float] | None:
        """One update over `accumulation` batches; None when the run was asked to stop before it was complete."""
        started, step = time.monotonic(), self.state.step
        epoch, place = divmod(step, self.steps_per_epoch)
        size = self.schedule.accumulation
        indices = self._order(epoch)[place * size : (place + 1) * size]
        rate = learning_rate(self._config, step, step / self._config.max_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._network.train()
        self._optimizer.zero_grad(set_to_none=not self._learn.keeps_gradients)
        total = 0.0
        for i, index in enumerate(indices):
            if self.watcher.should_stop():
                return None
            total += self._backward(index, step * size + i, len(indices))
        norm = float(torch.nn.utils.clip_grad_norm_(trained_by(self._optimizer), self._config.clip_norm))
        self._advance(norm)
        self.state.step += 1
        self.state.elapsed_s += time.monotonic() - started
        return {"train/loss": total, "lr": rate, "grad_norm": norm, "seconds_per_step": time.monotonic() - started}

    def _backward(self, index: int, draw: int, n: int) -> float:
        on_cpu, on_device = step_generators(self._config.seed, draw, self._device)
        torch.manual_seed((self._config.seed * 1_000_003 + draw) % 2**63)  # dropout takes no generator
        batch = self.trainable.batch(index, on_cpu)
        return float(self._learn(batch, on_device, n)["loss"]) / n

    def _advance(self, norm: float) -> None:
        """Step the optimizer, unless the gradient is no number; then the update is left out, a few times at most."""
        if math.isfinite(norm):
            self._optimizer.step()
            self._ema.update()
            self._n_skipped = 0
            return
        self._n_skipped += 1
        if self._n_skipped >= MAX_SKIPPED:
            raise EngineError(
                f"the gradient was NaN or infinite {MAX_SKIPPED} times in a row at step {self.state.step}; lower the "
                "learning rate or use precision fp32. Models saved before are kept"
            )

    def _order(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed((self._config.seed * 1_000_003 + epoch) % 2**63)
        return torch.randperm(self.trainable.n_batches, generator=generator).tolist()

    def _report(self, losses: dict[str, float], log: RunLog) -> None:
        if not all(map(math.isfinite, losses.values())):  # the update was left out
            log.write(self.state.step, {"skipped_updates": float(self._n_skipped)})
        elif due(self.state.step, self._config.log_every) or self.state.step == self._config.max_steps:
            log.write(self.state.step, losses)
            self.watcher.on_log(self.state.step, losses)

    def _keep(self, log: RunLog) -> bool:
        """Measure and save where an epoch ends or the schedule says so. False when the watcher left something out."""
        names = self._due_models()
        if names or due(self.state.step, self._config.save_every):
            with self.watcher.saving():
                if names:
                    self._save_models(names, log)
                self.save()
        return not names or self.watcher.after_models(self.state.step, log)

    def _ends_epoch(self) -> bool:
        return self.state.step % self.steps_per_epoch == 0

    def _due_models(self) -> list[str]:
        """Names of the models to save now; the last update is saved even where no epoch ends with it."""
        step, ends = self.state.step, self._ends_epoch()
        is_last = step >= self._config.max_steps
        names = [f"checkpoint_epoch_{self.epoch}"] if ends else []
        if due(step, self.schedule.save_per_updates) or (is_last and not ends):
            names.append(f"model_{step}")
        return names

    def _save_models(self, names: Sequence[str], log: RunLog) -> None:
        held_out = held_out_losses(self.trainable, self._ema, self._config)
        is_best = self._judge(held_out)
        log.write(self.state.step, {f"held_out/{k}": v for k, v in held_out.items()})
        tensors = self._ema.state(self._network)
        for name in names:
            first = name == names[0]  # the others have the same weights
            self.watcher.on_model(name, Moment(self.epoch, self.state.step, tensors, held_out, is_best and first), log)

    def _judge(self, held_out: Mapping[str, float]) -> bool:
        """Whether this is the best so far. Patience counts epochs: a loss measured within one can only reset it."""
        state, ends = self.state, self._ends_epoch()
        is_best = held_out.get("loss", math.inf) < state.best_held_out
        if is_best:
            state.best_held_out = held_out["loss"]
            state.n_stale = 0 if ends else -1
        elif held_out and ends:
            state.n_stale += 1
        return is_best
