"""The fine-tuning loop on a small F5 network: epochs, exact resuming, stopping, guards."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.engines.lora import LoraConfig, adapt
from locutor.errors import EngineError
from locutor.training import checkpoint
from locutor.training.config import TrainConfig
from locutor.training.f5 import Batch, Clip
from locutor.training.f5_finetune import F5Trainable
from locutor.training.finetune import Finetune, Schedule
from locutor.training.log import RunLog
from locutor.training.preflight import probe

from .watched import Watched

TINY = F5Config(
    name="tiny",
    dim=64, depth=2, heads=1, ff_mult=2, text_dim=32, conv_layers=1, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip


def clips(n: int) -> list[Clip]:
    """Each token lights its own bands for four frames."""
    made = []
    for k in range(n):
        ids = torch.randint(5, (4 + k % 5,), generator=torch.Generator().manual_seed(k))
        mel = torch.full((4 * len(ids), TINY.n_mels), -1.0)
        for place, token in enumerate(ids.tolist()):
            mel[4 * place : 4 * place + 4, 2 * token : 2 * token + 2] = 1.0
        made.append(Clip(mel, tuple(ids.tolist())))
    return made


def trainable(lora: bool = False, n: int = 20) -> F5Trainable:
    torch.manual_seed(0)
    found = F5Trainable(DiT(TINY, n_tokens=5), Path("vocab.txt"), clips(n), clips(n + 4)[n:], batch_size=4)
    if lora:
        adapt(found.network, LoraConfig(rank=4, dropout=0.2, targets=found.adapter_targets))
    return found


def schedule(epochs: int, **more: object) -> Schedule:
    settings = {"accumulation": 1, "patience": None, "save_per_updates": 0} | more
    n_batches = 5
    steps = -(-n_batches // int(str(settings["accumulation"]))) * epochs
    train = TrainConfig(
        max_steps=steps, learning_rate=2e-3, warmup_steps=5, precision="fp32", log_every=1,
        save_every=int(str(settings.pop("save_every", 1000))), ema_decay=0.99, seed=3,
    )  # fmt: skip
    return Schedule(train=train, epochs=epochs, **settings)  # type: ignore[arg-type]


def losses(folder: Path) -> dict[int, float]:
    rows = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return {row["step"]: row["train/loss"] for row in rows if "train/loss" in row}


def run(folder: Path, plan: Schedule, watched: Watched, lora: bool = False) -> str:
    return Finetune(trainable(lora), plan, folder / "state", watched).run(folder, [watched])


@pytest.mark.parametrize("lora", [False, True])
def test_a_stopped_run_goes_on_exactly(tmp_path: Path, lora: bool) -> None:
    plan = schedule(14)
    whole = Watched()
    assert run(tmp_path / "whole", plan, whole, lora) == "completed" and whole.ending == "finished"
    parts = Watched(stop_at=17)  # in the middle of an epoch
    assert run(tmp_path / "parts", plan, parts, lora) == "stopped" and parts.ending == "stopped"
    assert max(losses(tmp_path / "parts")) == 17
    resumed = Watched()
    assert run(tmp_path / "parts", plan, resumed, lora) == "completed"
    expected, found = losses(tmp_path / "whole"), losses(tmp_path / "parts")
    assert expected.keys() == found.keys() == set(range(1, 71))
    assert max(abs(expected[k] - found[k]) for k in range(18, 71)) <= 1e-5
    for (_, a), (_, b) in zip(whole.models[4:], resumed.models[1:], strict=False):
        assert all(torch.equal(a.tensors[k], b.tensors[k]) for k in a.tensors if a.step == b.step)


def test_epochs_see_every_clip_once_and_in_another_order(tmp_path: Path) -> None:
    seen: list[int] = []

    class Noting(F5Trainable):
        def batch(self, index: int, generator: torch.Generator) -> Batch:
            seen.append(index)
            return super().batch(index, generator)

    found = Noting(DiT(TINY, n_tokens=5), Path("vocab.txt"), clips(20), [], batch_size=4)
    watched = Watched()
    Finetune(found, schedule(3), tmp_path / "state", watched).run(tmp_path)
    epochs = [seen[i : i + 5] for i in range(0, 15, 5)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert [name for name, _ in watched.models] == [f"checkpoint_epoch_{n}" for n in (1, 2, 3)]


def test_training_lowers_the_held_out_loss_and_marks_the_best(tmp_path: Path) -> None:
    watched = Watched()
    run(tmp_path, schedule(20), watched)
    held_out = [moment.held_out["loss"] for _, moment in watched.models]
    assert held_out[-1] < 0.8 * held_out[0]
    best = [moment.held_out["loss"] for _, moment in watched.models if moment.is_best]
    assert best[0] == held_out[0] and best[-1] == min(held_out)


def test_accumulation_is_one_large_batch(tmp_path: Path) -> None:
    watched = Watched()
    assert run(tmp_path, schedule(4, accumulation=2), watched) == "completed"
    assert [moment.step for _, moment in watched.models] == [3, 6, 9, 12]
    assert watched.n_asked == 20


def test_models_between_epochs(tmp_path: Path) -> None:
    watched = Watched()
    run(tmp_path, schedule(2, save_per_updates=4), watched)
    names = [name for name, _ in watched.models]
    assert names == ["model_4", "checkpoint_epoch_1", "model_8", "checkpoint_epoch_2"]
    assert watched.measured_at == [4, 5, 8, 10]


def test_a_run_that_gets_no_better_ends(tmp_path: Path) -> None:
    found = trainable()
    found.held_out = lambda: trainable(n=4).held_out()  # type: ignore[method-assign]
    plan = schedule(40, patience=2)
    frozen = Schedule(
        train=TrainConfig(**vars(plan.train) | {"learning_rate": 1e-30, "weight_decay": 0.0}), epochs=40, patience=2
    )
    watched = Watched()
    assert Finetune(found, frozen, tmp_path / "state", watched).run(tmp_path) == "stale"
    assert len(watched.models) <= 6


def held_out_of(monkeypatch: pytest.MonkeyPatch, found: list[float]) -> None:
    """What is measured, in this order."""
    measured = iter(found)
    monkeypatch.setattr("locutor.training.finetune.held_out_losses", lambda *_: {"loss": next(measured)})


@pytest.mark.parametrize("second", [3.5, float("nan")])
def test_patience_counts_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: float) -> None:
    """model_N beside checkpoint_epoch_N is no second measurement."""
    held_out_of(monkeypatch, [3.0, second, 2.9, 3.6, 3.6])
    watched = Watched()
    assert run(tmp_path, schedule(9, patience=2, save_per_updates=5), watched) == "stale"
    names = [f"{kind}_{n}" for n in range(1, 6) for kind in ("checkpoint_epoch", "model")]
    assert [name for name, _ in watched.models] == [n if n[0] == "c" else f"model_{5 * int(n[6:])}" for n in names]
    assert [moment.is_best for _, moment in watched.models] == [
        n in ("checkpoint_epoch_1", "checkpoint_epoch_3") for n in names
    ]


def test_a_better_loss_within_an_epoch_resets_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # after updates 4, 5 (epoch 1), 8, 10 (epoch 2), 12, 15 (epoch 3), 16, 20 (epoch 4)
    held_out_of(monkeypatch, [3.0, 3.1, 2.9, 3.1, 3.2, 3.3, 3.4, 3.5])
    watched = Watched()
    assert run(tmp_path, schedule(9, patience=2, save_per_updates=4), watched) == "stale"
    assert [name for name, _ in watched.models[-2:]] == ["checkpoint_epoch_4", "model_20"]


def test_the_last_update_is_saved_where_no_epoch_ends(tmp_path: Path) -> None:
    plan = schedule(2)
    watched = Watched()
    assert run(tmp_path, replace(plan, train=replace(plan.train, max_steps=7)), watched) == "completed"
    assert [name for name, _ in watched.models] == ["checkpoint_epoch_1", "model_7"] and watched.measured_at == [5, 7]


def test_what_is_measured_can_be_gone_on_from(tmp_path: Path) -> None:
    states = []

    class Looking(Watched):
        def after_models(self, step: int, log: RunLog) -> bool:
            found = checkpoint.latest(tmp_path / "state")
            states.append((step, found.name if found else None))
            return super().after_models(step, log)

    run(tmp_path, schedule(2, save_per_updates=4), Looking())
    assert states == [(step, f"step_{step:08d}") for step in (4, 5, 8, 10)]


def test_what_was_not_measured_is_made_up_for(tmp_path: Path) -> None:
    cut = Watched(cut_at=10)
    assert run(tmp_path, schedule(2), cut) == "stopped" == cut.ending
    assert cut.measured_at == [5, 10]
    again = Watched()
    assert run(tmp_path, schedule(2), again) == "completed" and again.ending == "finished"
    assert again.measured_at == [10] and again.models == []


@dataclass
class Poisoned:
    """A trainable whose loss is no number at some draws."""

    inner: F5Trainable
    bad: frozenset[int]
    n_drawn: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        self.n_drawn += self.inner.network.training
        found = self.inner.loss(batch, generator)
        return {"loss": found["loss"] * float("nan")} if self.n_drawn in self.bad else found


def test_a_loss_that_is_no_number_is_left_out_a_few_times(tmp_path: Path) -> None:
    once = Poisoned(trainable(), frozenset({3, 7}))
    watched = Watched()
    assert Finetune(once, schedule(3), tmp_path / "a", watched).run(tmp_path) == "completed"  # type: ignore[arg-type]
    assert all(torch.isfinite(v).all() for _, moment in watched.models for v in moment.tensors.values())
    always = Poisoned(trainable(), frozenset(range(8, 100)))
    watched = Watched()
    with pytest.raises(EngineError, match="3 times in a row at step"):
        Finetune(always, schedule(3), tmp_path / "b", watched).run(tmp_path / "b")  # type: ignore[arg-type]
    assert [name for name, _ in watched.models] == ["checkpoint_epoch_1"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("lora", [False, True])
def test_a_recorded_run_goes_where_a_plain_one_goes(
    tmp_path: Path, lora: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = schedule(12, accumulation=2)
    plan = replace(plan, train=replace(plan.train, precision="bf16"))

    def ran(name: str) -> dict[int, float]:
        found = trainable(n=20)
        found.network.cuda()
        if lora:
            adapt(found.network, LoraConfig(rank=4, dropout=0.0, targets=found.adapter_targets))
        seconds, peak = probe(found, "bf16")
        assert seconds > 0 and peak > 0
        watched = Watched()
        assert Finetune(found, plan, tmp_path / name / "state", watched).run(tmp_path / name, [watched]) == "completed"
        return losses(tmp_path / name)

    recorded = ran("recorded")
    monkeypatch.setattr(F5Trainable, "can_be_recorded", lambda self: False)
    plain = ran("plain")
    assert recorded.keys() == plain.keys() == set(range(1, 37))
    assert [recorded[k] for k in recorded] == pytest.approx([plain[k] for k in recorded], rel=0.05)
    assert plain[36] < plain[1]
