"""One run from beginning to end, or from where it was stopped: the dataset, the plan, the loop, models and samples."""

import json
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Protocol

import torch

from locutor.audio.files import replacing
from locutor.engines.checkpoints import Checkpoint, CheckpointStore
from locutor.engines.device import current_device
from locutor.engines.lora import adapt
from locutor.engines.registry import EngineRegistry
from locutor.errors import CancelledError, ConflictError, LocutorError
from locutor.training import checkpoint, preflight, saved
from locutor.training.config import TrainConfig
from locutor.training.dataset import Dataset, read_dataset
from locutor.training.finetune import Finetune, Moment, Schedule
from locutor.training.lock import locked
from locutor.training.log import Board, RunLog
from locutor.training.mlflow import MlflowRun
from locutor.training.origin import check_origin, keep_origin
from locutor.training.preflight import Plan
from locutor.training.registry import make_trainable
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder, RunStatus
from locutor.training.sample import choose_voice, make_sample, spoken_by
from locutor.training.trainable import Lesson, Trainable

log = logging.getLogger(__name__)

FINAL_LR_RATIO = 0.1


class Appraiser(Protocol):
    """Whoever measures what the models of a run sound like; names as their folders have, and "base"."""

    def pending(self) -> list[str]:
        """Models that were not measured yet, the oldest first."""
        ...

    def appraise(self, name: str, on_text: Callable[[int, int], None]) -> Mapping[str, float]:
        """Figures of a model, kept beside it; what on_text(done, total) raises ends the measurement."""
        ...

    def verdict(self) -> "Preferred | None":
        """Which model is best, None before one was measured."""
        ...

    def settle(self) -> "Preferred | None":
        """The same, and model_best stands for it from now on."""
        ...


class Preferred(Protocol):
    """The name of a model, and why it is better than the others."""

    @property
    def name(self) -> str: ...

    @property
    def why(self) -> str: ...


@dataclass
class Teaching:
    """A run and what it needs of the installation. appraiser: asked about every saved model unless the run's
    `evaluate` is off; None measures nothing. mlflow_url: of a tracking server that is told what the log is told."""

    folder: RunFolder
    store: CheckpointStore
    registry: EngineRegistry
    device: str
    appraiser: Appraiser | None = None
    mlflow_url: str | None = None
    status: RunStatus = field(default_factory=RunStatus)
    _asked: bool = False

    def run(self, supervised: bool = False) -> RunStatus:
        """Train until the run is over; its status says how it ended. Raises what went wrong, after writing it down, and
        ConflictError when another process is at it.

        supervised: whoever started this process took back what an earlier one was asked; a stop file that is there by
        now is meant for this one.
        """
        try:
            with locked(self.folder.path / "lock"), current_device(torch.device(self.device)):
                if not supervised:
                    self.folder.stop_file.unlink(missing_ok=True)
                for folder in (self.folder.state, self.folder.checkpoints):
                    checkpoint.sweep(folder)
                return self._run()
        except ConflictError:
            raise
        except CancelledError:
            return self._stopped_before()
        except BaseException as error:  # passed on; a run that was killed by anything at all must not look alive
            self._tell(state="failed", error=str(error) or type(error).__name__, message="failed")
            raise

    def _stopped_before(self) -> RunStatus:
        """Before this process did an update; one before it may have."""
        found = checkpoint.latest(self.folder.state)
        if found is None:
            return self._tell(state="stopped", message="stopped before the first update")
        step = int(found.name.removeprefix("step_"))
        return self._tell(state="stopped", step=step, message=f"stopped after update {step}")

    def stop_on_signals(self) -> None:
        """Let SIGTERM and Ctrl-C end the run with its state saved, instead of killing it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_asked", True))

    def should_stop(self) -> bool:
        return self._asked or self.folder.stop_file.exists()

    def on_log(self, step: int, scalars: Mapping[str, float]) -> None:
        rate = scalars["seconds_per_step"]
        total = self.status.total_steps
        self._tell(
            step=step,
            epoch=step // max(1, self._steps_per_epoch),
            loss=scalars["train/loss"],
            progress=100.0 * step / total,
            left_s=rate * (total - step),
            message=f"update {step} of {total}",
        )

    def on_model(self, name: str, moment: Moment, run_log: RunLog) -> None:
        """Save the model, and point the links."""
        folder, origin = self.folder.checkpoints, self._origin
        facts = saved.Facts(
            name=name,
            epoch=moment.epoch,
            step=moment.step,
            method=origin.config.method,
            base=origin.base.card.id,
            base_sha256=origin.base.sha256,
            held_out=moment.held_out,
        )
        saved.save_model(folder, self._trainable, moment.tensors, origin, facts)
        saved.point(folder, saved.LAST, name)
        if moment.is_best and self._verdict() is None:  # what it sounds like counts for more than its loss
            saved.point(folder, saved.BEST, name)
        self._tell(epoch=moment.epoch, message=f"saved {name}")

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Whoever wants this process to end waits longer than usual meanwhile."""
        self._tell(saving=True)
        try:
            yield
        finally:
            self._tell(saving=False)

    def after_models(self, step: int, run_log: RunLog) -> bool:
        """Let the newest epoch's model speak, prune, measure what was saved, and let model_best stand for what was
        found best. Ends early when the run is to stop; what was left out is made up for when it goes on."""
        stops = self.should_stop()
        if not stops:
            self._speak_newest(step, run_log)
        saved.prune(self.folder.checkpoints, self._origin.config.keep_last)
        return not stops and self._measure(step, run_log)

    def _speak_newest(self, step: int, run_log: RunLog) -> None:
        """The sample of the epoch that ended last, unless its model has spoken before."""
        models = [facts for facts in saved.models_of(self.folder.checkpoints) if facts.step <= step]
        of_epochs = [facts for facts in models if facts.name.startswith("checkpoint_epoch_")]
        if not of_epochs:
            return
        newest = of_epochs[-1]
        model = self.store.open(self.folder.checkpoints / newest.name)
        if spoken_by(self.folder.path, newest.epoch) != model.sha256:
            waveform = make_sample(self.folder.path, newest.epoch, model, self.registry, self.device)
            run_log.audio(newest.epoch, "sample", waveform)

    def _measure(self, step: int, run_log: RunLog) -> bool:
        """False when the run is to stop before everything was measured."""
        if self.appraiser is None or not self._origin.config.evaluate:
            return True
        try:
            for name in self.appraiser.pending():
                figures = self.appraiser.appraise(name, partial(self._on_text, name))
                run_log.write(step, {f"{name}/{figure}": value for figure, value in figures.items()})
            found = self.appraiser.settle()
        except CancelledError:
            return False
        except LocutorError as error:
            log.exception("the models of this run are not evaluated")
            self._tell(message=f"not evaluated: {error}")
            return True
        if found is not None:
            self._tell(message=f"best so far: {found.name}, {found.why}")
        return True

    def _verdict(self) -> Preferred | None:
        return self.appraiser.verdict() if self.appraiser is not None and self._origin.config.evaluate else None

    def _on_text(self, name: str, done: int, total: int) -> None:
        if self.should_stop():
            raise CancelledError("the run was stopped while its models were measured")
        self._tell(message=f"listening to {name}, text {done} of {total}")

    def _run(self) -> RunStatus:
        config = self.folder.config()
        self._tell(state="preparing", total_epochs=config.epochs or 0, pid=os.getpid(), message="reading the dataset")
        self._check_stop()
        dataset = read_dataset(config.dataset, config.language).limited(config.max_train_samples)
        base = self.store.locate(config.base)
        if not self.folder.voice.is_file():
            choose_voice(self.folder.path, dataset, config.sample_text, config.seed)
        self._trainable, plan = self._prepare(config, dataset, base)
        self._check_stop()
        lora = config.lora(self._trainable.adapter_targets) if config.method == "lora" else None
        self._origin, self._steps_per_epoch = saved.Origin(config, base, lora), plan.steps_per_epoch
        loop = Finetune(self._trainable, schedule_of(config, plan), self.folder.state, self)
        totals = {"total_epochs": plan.epochs, "total_steps": plan.total_steps}
        self._tell(state="running", step=loop.state.step, message=plan.sentence(), **totals)
        if loop.state.step == 0 and not (self.folder.samples / "epoch_0_output.wav").is_file():
            make_sample(self.folder.path, 0, base, self.registry, self.device)
        ended = loop.run(self.folder.path, self._boards(config, plan))
        peak = preflight.peak_bytes(torch.device(self.device))
        done = {"epoch": loop.epoch, "step": loop.state.step, "left_s": None, "peak_bytes": peak}
        if ended == "stopped":
            return self._tell(state="stopped", message=f"stopped after update {loop.state.step}", **done)
        why = "no better held-out loss" if ended == "stale" else "all epochs are done"
        return self._tell(state="completed", progress=100.0, message=why, **done)

    def _boards(self, config: RunConfig, plan: Plan) -> list[Board]:
        if self.mlflow_url is None:
            return []
        return [MlflowRun(self.mlflow_url, self.folder.path, config.model_dump(mode="json") | asdict(plan))]

    def _prepare(self, config: RunConfig, dataset: Dataset, base: Checkpoint) -> tuple[Trainable, Plan]:
        """The plan of an earlier start is kept: only so can the run go on exactly. Raises OptionError when the base or
        the clips are no longer what it was made for."""

        def make(batch_size: int) -> Trainable:
            torch.manual_seed(config.seed)  # fresh adapters are drawn
            lesson = Lesson(
                base=base, dataset=dataset, batch_size=batch_size, device=torch.device(self.device),
                cache=self.folder.path.parent / ".cache", on_progress=self._on_clip,
            )  # fmt: skip
            trainable = make_trainable(lesson)
            if config.method == "lora":
                adapt(trainable.network, config.lora(trainable.adapter_targets))
            return trainable

        path = self.folder.path / "plan.json"
        if path.is_file():
            check_origin(self.folder.path, base, dataset)
            plan = Plan(**json.loads(path.read_text(encoding="utf-8")))
            return make(plan.batch_size), plan
        fitted = preflight.fit(config, make, self.folder.path, len(dataset.train))
        keep_origin(self.folder.path, base, dataset)
        with replacing(path) as file:
            file.write(json.dumps(asdict(fitted.plan), indent=1).encode())
        log.info("%s", fitted.plan.sentence())
        return fitted.trainable, fitted.plan

    def _check_stop(self) -> None:
        if self.should_stop():
            raise CancelledError("the run was stopped while it was prepared")

    def _on_clip(self, done: int, total: int) -> None:
        self._check_stop()
        if done % 10 == 0 or done == total:
            self._tell(message=f"clip {done} of {total} made ready")

    def _tell(self, **changes: object) -> RunStatus:
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]
        self.folder.tell(self.status)
        return self.status


def schedule_of(config: RunConfig, plan: Plan) -> Schedule:
    """How the loop runs, from what was asked and what fits."""
    train = TrainConfig(
        max_steps=plan.total_steps,
        learning_rate=plan.learning_rate,
        final_lr_ratio=FINAL_LR_RATIO,
        warmup_steps=min(config.warmup_steps, plan.total_steps // 10),
        weight_decay=config.weight_decay,
        betas=(0.9, 0.999),
        clip_norm=config.clip_norm,
        ema_decay=config.ema_decay,
        precision=plan.precision,
        compile=config.compile,
        record=config.record,
        log_every=config.log_every,
        save_every=config.save_every,
        seed=config.seed,
    )
    return Schedule(
        train=train,
        epochs=plan.epochs,
        accumulation=plan.accumulation,
        patience=config.patience,
        save_per_updates=config.save_per_updates,
    )
