import json
from pathlib import Path

import pytest
import torch

from locutor.engines.builtin.config import DurationConfig
from locutor.engines.builtin.duration import DurationPredictor
from locutor.training.builtin import duration
from locutor.training.builtin.duration import DurationObjective
from locutor.training.builtin.shards import Pool
from locutor.training.config import TrainConfig
from locutor.training.loop import fit


@pytest.fixture(autouse=True)
def short_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "MIN_REFERENCE_FRAMES", 40)
    monkeypatch.setattr(duration, "MAX_REFERENCE_FRAMES", 60)


def tiny() -> DurationPredictor:
    torch.manual_seed(0)
    return DurationPredictor(DurationConfig(n_tokens=12, dim=32, n_layers=2, n_reference_layers=2))


def test_a_batch_holds_clips_with_their_frames(pool: Pool) -> None:
    batch = DurationObjective(tiny(), pool, n_clips=30).batch(torch.Generator().manual_seed(0))
    assert batch.tokens.shape == batch.frames.shape == (30, 4) and batch.language.shape == (30,)
    assert 40 <= batch.n_reference < 60
    known = {tuple(c.tokens.tolist()): (c.ends.diff(prepend=torch.zeros(1, dtype=torch.long)), c) for c in pool.clips}
    for row in range(30):
        tokens = batch.tokens[row][batch.tokens[row] != 0]
        frames, clip = known[tuple(tokens.tolist())]
        assert batch.frames[row][: len(frames)].tolist() == frames.tolist()
        assert not batch.frames[row][len(frames) :].any() and int(batch.language[row]) == clip.language


def test_the_reference_lies_in_the_clips_stream_but_not_in_the_clip(pool: Pool) -> None:
    objective = DurationObjective(tiny(), pool, n_clips=1)
    for clip in pool.clips[:5]:
        stream = pool.streams[clip.stream]
        for share in (0.0, 0.3, 0.7, 0.999):
            start = objective._reference(clip, 50, share)
            assert stream.start <= start and start + 50 <= stream.start + stream.n_frames
            assert start + 50 <= clip.start or start >= clip.start + clip.n_frames


def test_perfect_durations_cost_nothing(pool: Pool) -> None:
    objective = DurationObjective(tiny(), pool, n_clips=6)
    batch = objective.batch(torch.Generator().manual_seed(1))

    class Oracle(torch.nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, tokens: torch.Tensor, language: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
            assert mel.shape == (6, batch.n_reference, 100) and torch.isfinite(mel).all()
            return (batch.frames * self.factor).clamp(min=0.5).log()

    for factor, each in ((1.0, 0.0), (2.0, 0.6931), (0.5, 0.6931)):
        objective.network = Oracle(factor)  # type: ignore[assignment]
        losses = objective.loss(batch, torch.Generator())
        assert float(losses["each"]) == pytest.approx(each, abs=1e-3)
        assert float(losses["total"]) == pytest.approx(each, abs=1e-3)
        assert float(losses["loss"]) == pytest.approx(2 * each, abs=2e-3)


def test_a_pool_too_small_for_held_out_clips(pool: Pool) -> None:
    assert DurationObjective(tiny(), pool, n_clips=4).held_out() == []


def test_held_out_clips_are_never_trained_on(pool: Pool) -> None:
    pool.clips.extend(pool.clips * 4)  # 30 of them: the first three are held out
    objective = DurationObjective(tiny(), pool, n_clips=4)
    assert objective.n_held_out == 3 and len(objective.held_out()) == 4
    drawn = {tuple(row) for batch in objective.held_out() for row in batch.tokens.tolist()}
    assert {tuple(t for t in row if t) for row in drawn} <= {tuple(c.tokens.tolist()) for c in pool.clips[:3]}


def test_it_learns_the_clips(pool: Pool, tmp_path: Path) -> None:
    config = TrainConfig(
        max_steps=120,
        learning_rate=5e-3,
        warmup_steps=10,
        precision="fp32",
        log_every=10,
        held_out_every=0,
        save_every=0,
    )
    fit(DurationObjective(tiny(), pool, n_clips=12), config, tmp_path)
    losses = [json.loads(row)["train/each"] for row in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.2 * losses[0], losses
