"""A run as a job, with the built-in model: killed and gone on exactly, stopped in time, heard from what was saved."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from locutor.audio import io
from locutor.bootstrap import Stores, job_runner, open_stores
from locutor.cli.main import app
from locutor.engines.base import Engine
from locutor.engines.registry import default_registry
from locutor.jobs.kinds import JobKinds
from locutor.jobs.model import JobStatus
from locutor.runs.open import config_of_folder, run_tasks
from locutor.runs.supervise import STOP_S, RunTasks
from locutor.runs.verdict import kept, verdict_on
from locutor.settings import load_settings
from locutor.training.run_folder import RunFolder
from locutor.training.sample import make_sample, read_voice
from locutor.voices.store import VoiceStore

from .lessons import write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, builtin: Engine) -> Path:
    reference = io.read(VoiceStore(Path()).get("default").ref_audio)
    return write_dataset(tmp_path_factory.mktemp("lessons") / "alice", builtin, reference)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    found = open_stores(load_settings(data_dir=tmp_path, device="cpu", threads=1))
    yield found
    found.close()


def tasks_of(tmp_path: Path, stores: Stores) -> RunTasks:
    return run_tasks(load_settings(data_dir=tmp_path, device="cpu", threads=1), stores)


def losses(folder: RunFolder) -> dict[int, float]:
    return {row["step"]: row["train/loss"] for row in folder.log() if "train/loss" in row}


def wait_for(folder: RunFolder, step: int) -> int:
    """The run's process, once it has logged so many updates."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if max(losses(folder), default=0) >= step:
            pid = folder.status().pid
            assert pid is not None
            return pid
        time.sleep(0.1)
    raise AssertionError(f"no update {step} in time: {folder.status()}")


@pytest.mark.timeout(600)
def test_killed_in_mid_epoch_stopped_and_gone_on_exactly(
    tmp_path: Path, stores: Stores, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tasks_of(tmp_path, stores)
    values = {
        "dataset": str(dataset), "epochs": 3, "batch_size": 2, "log_every": 1, "save_every": 1, "learning_rate": 1e-4
    }  # fmt: skip
    runner = job_runner(stores, JobKinds(tasks.kind()))
    runner.start()
    try:
        whole = tasks.catalog.root / "whole"
        first = tasks.start(config_of_folder(dataset, values | {"model_name": "whole", "evaluate": False}))
        cut = tasks.start(config_of_folder(dataset, values | {"model_name": "cut"}))
        wait_for(RunFolder(whole), 9)
        folder = RunFolder(tasks.catalog.root / "cut")
        os.kill(wait_for(folder, 4), signal.SIGKILL)  # the second update of the second epoch is next
        wait_for(folder, 5)  # the job is tried again by itself
        begun = time.monotonic()
        tasks.stop("cut")
        while folder.is_alive():
            time.sleep(0.05)
        # Within its time, not killed after it; how soon is for the machine to say.
        assert time.monotonic() - begun < STOP_S and folder.status().state == "stopped"
        again = tasks.resume("cut")
        wait_for(folder, 9)
        end = time.monotonic() + 60
        while not stores.jobs.get(again.id).status.is_final and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        runner.stop()
    assert stores.jobs.get(first.id).status is stores.jobs.get(again.id).status is JobStatus.COMPLETED
    assert stores.jobs.get(cut.id).status is JobStatus.CANCELLED
    expected, found = losses(RunFolder(whole)), losses(folder)
    assert expected.keys() == found.keys() == set(range(1, 10))
    assert max(abs(expected[k] - found[k]) for k in expected) <= 1e-5
    check_samples(tasks, folder)
    check_figures(tasks)
    check_commands(tmp_path, monkeypatch)


def check_figures(tasks: RunTasks) -> None:
    """Every saved model was measured while the run went on, and model_best stands for the best by it."""
    models = list(tasks.catalog.models("cut"))
    judged = [kept(model.path) for model in models]
    assert len(judged) == 3 and all(found is not None and found.figures.keys() >= {"wer", "sim"} for found in judged)
    assert kept(tasks.catalog.get("cut").path / "base") is not None
    best = verdict_on(models)
    assert best is not None and tasks.catalog.model("cut/model_best").name == best.name


def check_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`locutor checkpoints`: the table, two clips with figures, a model of the installation that speaks."""
    monkeypatch.setenv("LOCUTOR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "best: cut/checkpoint_epoch_" in run("checkpoints", "list", "cut")
    assert "best: cut/checkpoint_epoch_" in run("checkpoints", "compare", "cut")  # nothing is left to measure
    shown = run("checkpoints", "ab", "cut/base", "cut/model_best", "Good night.", "-o", str(tmp_path / "ab"))
    assert "wer" in shown and "sim" in shown
    clips = [io.read(tmp_path / "ab" / name) for name in ("a.wav", "b.wav")]
    assert all(clip.duration_s > 0.3 for clip in clips)
    assert not np.array_equal(clips[0].samples, clips[1].samples)
    run("checkpoints", "promote", "cut/model_best", "--as", "alice")
    run("say", "Good night.", "--model", "alice", "--seed", "1", "-o", str(tmp_path / "night.wav"))
    assert io.read(tmp_path / "night.wav").duration_s > 0.3


def check_samples(tasks: RunTasks, folder: RunFolder) -> None:
    """Every epoch's sample is what its files say, again and byte for byte; epoch 0 is the base."""
    samples = {sample.epoch: sample for sample in tasks.catalog.samples("cut")}
    assert sorted(samples) == [0, 1, 2, 3]
    heard = {epoch: sample.path.read_bytes() for epoch, sample in samples.items()}
    assert len(set(heard.values())) == 4
    store = tasks.catalog.open
    for epoch, checkpoint in ((0, store("cut/base")), (3, store("cut/model_last"))):
        place = folder.path.parent / f"again-{epoch}"
        shutil.copytree(folder.path, place, ignore=shutil.ignore_patterns("samples", "state", "checkpoints"))
        make_sample(place, epoch, checkpoint, default_registry(), "cpu")
        assert (place / f"samples/epoch_{epoch}_output.wav").read_bytes() == heard[epoch]
    assert samples[1].reference.is_file() and read_voice(folder.path).text
