"""The plan before a run: batches that fit, a precision, the cost; no weight is changed."""

from pathlib import Path

import pytest
import torch

from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.errors import EngineError, StorageError
from locutor.training import preflight
from locutor.training.f5 import Batch, Clip
from locutor.training.f5_finetune import F5Trainable
from locutor.training.run_config import RunConfig

TINY = F5Config(
    name="tiny", dim=64, depth=1, heads=1, ff_mult=2, text_dim=32, conv_layers=1, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip
CONFIG = RunConfig(model_name="a", dataset=Path("d"), epochs=3)


def make(batch_size: int, fits: int = 99) -> F5Trainable:
    class Bounded(F5Trainable):
        def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
            if len(batch.mel) > fits:
                raise torch.OutOfMemoryError("too large")
            return super().loss(batch, generator)

    torch.manual_seed(0)
    clips = [Clip(torch.zeros(20 + k, 12), (0, 1)) for k in range(12)]
    return Bounded(DiT(TINY, n_tokens=5), Path("vocab.txt"), clips, [], batch_size)


def test_the_plan_of_what_fits(tmp_path: Path) -> None:
    before = make(4).network.state_dict()
    fitted = preflight.fit(CONFIG, make, tmp_path, 12)
    plan, state = fitted.plan, fitted.trainable.network.state_dict()
    assert (plan.batch_size, plan.accumulation, plan.precision) == (4, 1, "fp32")
    assert (plan.steps_per_epoch, plan.total_steps, plan.learning_rate) == (3, 9, 1e-5)
    assert plan.seconds_per_step > 0 and plan.estimated_s == pytest.approx(9 * plan.seconds_per_step)
    assert all(torch.equal(state[k], before[k]) for k in before)
    assert "12 clips in batches of 4 (x 1), fp32, 9 updates" in plan.sentence()


def test_a_batch_that_does_not_fit_is_halved_and_made_up_for(tmp_path: Path) -> None:
    plan = preflight.fit(CONFIG, lambda size: make(size, fits=2), tmp_path, 12).plan
    assert (plan.batch_size, plan.accumulation, plan.total_steps) == (2, 2, 9)
    asked = CONFIG.model_copy(update={"accumulation": 3})
    plan = preflight.fit(asked, lambda size: make(size, fits=2), tmp_path, 12).plan
    assert (plan.batch_size, plan.accumulation) == (2, 6), "what was asked for is made up for too"
    with pytest.raises(EngineError, match="not even one clip"):
        preflight.fit(CONFIG, lambda size: make(size, fits=0), tmp_path, 12)


def test_a_full_disk_is_told_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match="make room"):
        preflight.fit(CONFIG, make, tmp_path, 12)
