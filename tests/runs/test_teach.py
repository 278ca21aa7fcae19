"""One run from its folder on, with a tiny F5 network and samples that are only noted: stops, what is made up for, what
is refused."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from locutor.audio import io
from locutor.engines.checkpoints import Checkpoint, CheckpointStore
from locutor.engines.f5.dit import DiT
from locutor.engines.registry import default_registry
from locutor.errors import CancelledError, OptionError, StorageError
from locutor.runs.catalog import RunCatalog
from locutor.training import checkpoint, teach
from locutor.training.f5 import Clip
from locutor.training.f5_finetune import F5Trainable
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder
from locutor.training.teach import Teaching
from locutor.training.trainable import Lesson
from locutor.types import Waveform

from .conftest import TINY

TONE = Waveform(np.sin(np.arange(24_000) / 7).astype(np.float32), 24_000)


@dataclass
class Ear:
    """An appraiser that notes what is there when it is asked. cut: it is stopped; fails: at settling."""

    folder: RunFolder
    cut: bool = False
    fails: Exception | None = None
    heard: list[str] = field(default_factory=list)

    def pending(self) -> list[str]:
        names = sorted(path.name for path in self.folder.checkpoints.glob("[cm]*") if not path.is_symlink())
        return [name for name in names if name not in self.heard]

    def appraise(self, name: str, on_text: Callable[[int, int], None]) -> Mapping[str, float]:
        if self.cut:
            raise CancelledError("enough")
        self.heard.append(name)
        return {"mos": 3.0}

    def verdict(self) -> None:
        return None

    def settle(self) -> None:
        if self.fails:
            raise self.fails


def lesson_of(lesson: Lesson) -> F5Trainable:
    clips = [Clip(torch.full((20, TINY.n_mels), 0.1 * k), (0, 1, 2)) for k in range(4)]
    return F5Trainable(DiT(TINY, n_tokens=5), lesson.base.files["vocab"], clips, clips[:1], batch_size=2)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[str]]]:
    """Epochs whose sample was spoken, each with the states that were saved by then."""
    noted = []

    def speak(folder: Path, epoch: int, model: Checkpoint, *_: object) -> Waveform:
        noted.append((epoch, sorted(path.name for path in (folder / "state").glob("step_*"))))
        (folder / "samples").mkdir(exist_ok=True)
        (folder / f"samples/epoch_{epoch}_output.wav").touch()
        (folder / f"samples/epoch_{epoch}.json").write_text(json.dumps({"checkpoint_sha256": model.sha256}))
        return TONE

    monkeypatch.setattr(teach, "make_trainable", lesson_of)
    monkeypatch.setattr(teach, "make_sample", speak)
    return noted


@pytest.fixture
def folder(tmp_path: Path, catalog: RunCatalog) -> RunFolder:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("metadata_train.csv", "metadata_val.csv"):
        (clips / name).write_text("0.wav|Good morning.\n")
    io.write(clips / "0.wav", TONE, "wav")
    return catalog.create(RunConfig(model_name="alice", dataset=clips, base="tiny", epochs=2, log_every=1))


Teach = Callable[..., Teaching]


@pytest.fixture
def teaching(store: CheckpointStore, folder: RunFolder, said: Any) -> Teach:
    return lambda ear=None: Teaching(folder, store, default_registry(), "cpu", ear)


def test_a_stop_during_the_start_is_not_lost(teaching: Teach, folder: RunFolder) -> None:
    folder.ask_to_stop()
    assert teaching().run(supervised=True).state == "stopped"
    assert not (folder.path / "plan.json").exists(), "nothing was begun"
    assert teaching().run().state == "completed", "nobody took back an old stop but this process itself"
    folder.ask_to_stop()
    assert teaching().run(supervised=True).message == "stopped after update 4"


def test_what_a_killed_process_left_is_swept(teaching: Teach, folder: RunFolder) -> None:
    for place in (folder.state, folder.checkpoints):
        (place / ".unfinished_x" / "step_00000001").mkdir(parents=True)
    teaching().run()
    assert not list(folder.path.glob("*/.unfinished_*"))


def test_the_state_is_saved_before_the_sample_is_spoken(teaching: Teach, folder: RunFolder, said: Any) -> None:
    assert teaching().run().state == "completed" and not folder.status().saving
    assert said == [(0, []), (1, ["step_00000002"]), (2, ["step_00000004"])]


def test_it_says_when_it_saves(teaching: Teach, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = []
    kept = checkpoint.save

    def save(*args: Any, **options: Any) -> Path:
        noted.append(folder.status().saving)
        return kept(*args, **options)

    monkeypatch.setattr(checkpoint, "save", save)
    teaching().run()
    assert noted == [True, True]


def test_a_sample_and_a_measurement_that_a_stop_left_out_are_made_up_for(
    teaching: Teach, folder: RunFolder, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = teaching(Ear(folder))
    found.on_model = lambda *given: (Teaching.on_model(found, *given), folder.ask_to_stop())  # type: ignore[method-assign]
    assert found.run().state == "stopped" and [epoch for epoch, _ in said] == [0]
    cut = teaching(Ear(folder, cut=True))
    assert cut.run().state == "stopped", "cut short after the last update"
    ear = Ear(folder)
    assert teaching(ear).run().state == "completed"
    assert ear.heard == ["checkpoint_epoch_1", "checkpoint_epoch_2"] and [epoch for epoch, _ in said] == [0, 1, 2]


@pytest.mark.parametrize("fails", [None, StorageError("the disk is full")])
def test_no_verdict_does_not_end_a_run(teaching: Teach, folder: RunFolder, fails: Exception | None) -> None:
    assert teaching(Ear(folder, fails=fails)).run().state == "completed"


def test_changed_clips_are_refused_and_old_runs_go_on(teaching: Teach, folder: RunFolder) -> None:
    assert teaching().run().state == "completed"
    lists = folder.config().dataset / "metadata_train.csv"
    lists.write_text("0.wav|Good evening.\n")
    with pytest.raises(OptionError, match="the clips of run 'alice' changed"):
        teaching().run()
    assert folder.status().state == "failed" and "changed" in (folder.status().error or "")
    (folder.path / "origin.json").unlink()
    assert teaching().run().state == "completed"
