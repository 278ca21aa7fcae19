import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from locutor.errors import EngineError
from locutor.training import checkpoint, loop
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.loop import fit, held_out_losses

CONFIG = TrainConfig(
    max_steps=60,
    learning_rate=0.02,
    warmup_steps=5,
    ema_decay=0.9,
    precision="fp32",
    log_every=1,
    held_out_every=20,
    save_every=30,
)
Objective = Callable[..., Any]


def logged(run: Path, name: str) -> dict[int, float]:
    rows = [json.loads(row) for row in (run / "log.jsonl").read_text().splitlines()]
    return {row["step"]: row[name] for row in rows if name in row}


def test_stopped_and_resumed_is_as_if_never_stopped(tmp_path: Path, line: Objective) -> None:
    whole = line()
    state = fit(whole, CONFIG, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(line(fail_at=31), CONFIG, tmp_path / "parts")
    assert max(logged(tmp_path / "parts", "train/loss")) == 30
    resumed = line()
    fit(resumed, CONFIG, tmp_path / "parts")
    assert resumed.n_drawn == 30 and state.step == 60
    for name in ("train/loss", "held_out/loss"):
        one, other = logged(tmp_path / "whole", name), logged(tmp_path / "parts", name)
        assert one.keys() == other.keys() and len(one) in (60, 3)
        assert max(abs(one[step] - other[step]) for step in one) <= 1e-5
    assert logged(tmp_path / "whole", "lr") == logged(tmp_path / "parts", "lr")
    for part in ("network", "ema", "optimizer"):
        one, other = (load_file(tmp_path / run / "step_00000060" / f"{part}.safetensors") for run in ("whole", "parts"))
        assert all(torch.equal(one[name], other[name]) for name in one | other), part


def test_it_learns_and_marks_the_best(tmp_path: Path, line: Objective) -> None:
    config = dataclasses.replace(CONFIG, max_steps=300)
    state = fit(line(), config, tmp_path)
    losses, held_out = logged(tmp_path, "train/loss"), logged(tmp_path, "held_out/loss")
    assert losses[300] < 0.1 * losses[1]
    assert state.best_held_out == pytest.approx(min(held_out.values()), abs=1e-6)
    best = min(held_out, key=held_out.__getitem__)
    assert (tmp_path / "best").read_text() == f"step_{best:08d}"
    assert logged(tmp_path, "train/double")[7] == pytest.approx(2 * losses[7], abs=2e-6)


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path, line: Objective) -> None:
    config = dataclasses.replace(CONFIG, max_steps=7)
    fit(line(), config, tmp_path)
    again = line()
    assert fit(again, config, tmp_path).step == 7 and again.n_drawn == 0


@pytest.mark.parametrize("log_every", [0, 1, 50])
def test_a_loss_that_is_no_number_stops_the_run_and_saves_nothing(
    tmp_path: Path, line: Objective, log_every: int
) -> None:
    """However rarely losses are looked at: the weights are looked at before each checkpoint."""
    config = dataclasses.replace(CONFIG, log_every=log_every, save_every=10, held_out_every=0)
    with pytest.raises(EngineError, match=r"(became nan|became NaN).*saved"):
        fit(line(poison_at=25), config, tmp_path)
    found = checkpoint.latest(tmp_path)
    assert found is not None and found.name == "step_00000020"
    assert all(torch.isfinite(tensor).all() for tensor in load_file(found / "network.safetensors").values())


def test_nor_is_it_saved_at_the_end(tmp_path: Path, line: Objective) -> None:
    config = dataclasses.replace(CONFIG, max_steps=3, log_every=50)
    with pytest.raises(EngineError, match="by step 3; they were not saved"):
        fit(line(poison_at=3), config, tmp_path)
    assert checkpoint.latest(tmp_path) is None


def test_held_out_losses_are_those_of_the_average(line: Objective) -> None:
    objective = line()
    network = objective.network
    ema = EMA(network, 0.9)
    before = {k: v.clone() for k, v in ema.tensors.items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    trained = {k: v.clone() for k, v in network.state_dict().items()}
    first = held_out_losses(objective, ema, CONFIG)
    assert len(objective.seen) == 2 and all(torch.equal(seen, before["0.weight"]) for seen in objective.seen)
    assert all(torch.equal(tensor, trained[name]) for name, tensor in network.state_dict().items())
    assert network.training and held_out_losses(objective, ema, CONFIG) == first  # the same noise again
    assert first["double"] == pytest.approx(2 * first["loss"])


def test_no_held_out_batches_no_held_out_loss(line: Objective, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = line()
    monkeypatch.setattr(type(objective), "held_out", lambda self: [])
    assert held_out_losses(objective, EMA(objective.network, 0.9), CONFIG) == {}


@pytest.mark.parametrize(
    ("step", "elapsed_s", "max_seconds", "wanted"),
    [(15, 999.0, None, 0.25), (15, 10.0, 100.0, 0.25), (15, 80.0, 100.0, 0.8), (60, 0.0, 100.0, 1.0)],
)
def test_progress_follows_steps_or_clock(step: int, elapsed_s: float, max_seconds: float | None, wanted: float) -> None:
    config = dataclasses.replace(CONFIG, max_seconds=max_seconds)
    assert loop._progress(config, checkpoint.RunState(step, elapsed_s)) == pytest.approx(wanted)


def test_the_clock_ends_a_run_and_counts_what_went_before(
    tmp_path: Path, line: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock is a tenth of a second later."""
    ticks = iter(range(100_000))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks) / 10)
    config = dataclasses.replace(CONFIG, max_steps=10**6, max_seconds=3.0, log_every=0, held_out_every=0, save_every=0)
    first = line()
    state = fit(first, config, tmp_path)
    assert state.elapsed_s == pytest.approx(3.0, abs=0.11) and state.step == first.n_drawn == 30
    longer = dataclasses.replace(config, max_seconds=4.0)
    state = fit(line(), longer, tmp_path)
    assert state.elapsed_s == pytest.approx(4.0, abs=0.11) and state.step in (40, 41)


def test_weights_decay_and_biases_do_not(line: Objective) -> None:
    optimizer = loop.make_optimizer(line().network, CONFIG, torch.device("cpu"))
    decayed, others = optimizer.param_groups
    assert [p.dim() for p in decayed["params"]] == [2, 2] and decayed["weight_decay"] == CONFIG.weight_decay
    assert [p.dim() for p in others["params"]] == [1, 1, 1, 1] and others["weight_decay"] == 0


def test_bf16_trains_float32_weights(tmp_path: Path, line: Objective) -> None:
    config = dataclasses.replace(CONFIG, precision="bf16", max_steps=40, held_out_every=0)
    objective = line()
    fit(objective, config, tmp_path)
    losses = logged(tmp_path, "train/loss")
    assert losses[40] < losses[1] and all(p.dtype == torch.float32 for p in objective.network.parameters())
    exact = line()
    fit(exact, dataclasses.replace(config, precision="fp32"), tmp_path / "exact")
    assert losses != logged(tmp_path / "exact", "train/loss")


@pytest.mark.parametrize("every", [0, 1, 3])
def test_due(every: int) -> None:
    assert [loop.due(step, every) for step in (1, 2, 3)] == {0: [False] * 3, 1: [True] * 3, 3: [False, False, True]}[
        every
    ]
