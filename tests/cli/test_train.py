"""`locutor train`: who works on a run, what is refused before anything is queued, and when it is over."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from locutor.bootstrap import Stores, open_stores
from locutor.cli import train
from locutor.errors import CancelledError, WorkerError
from locutor.jobs.model import JobStatus
from locutor.local_service import LocalService, write_down
from locutor.runs.supervise import TRAIN
from locutor.settings import load_settings
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder, RunStatus

LEASE_S = 60.0


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would be run in processes of their own."""
    commands: list[list[str]] = []
    monkeypatch.setattr(train.subprocess, "Popen", lambda command, **_: commands.append(command))
    return commands


@pytest.fixture
def dataset(home: Path) -> Path:
    folder = home / "clips"
    folder.mkdir()
    (folder / "metadata_train.csv").write_text("a.wav|Bom dia.\n")
    return folder


@pytest.fixture
def stores(home: Path) -> Iterator[Stores]:
    found = open_stores(load_settings(data_dir=home / "data"))
    yield found
    found.close()


@pytest.fixture
def alice(home: Path) -> RunFolder:
    return RunFolder(home / "data" / "training" / "alice")


def serve(monkeypatch: pytest.MonkeyPatch) -> None:
    service = LocalService("http://127.0.0.1:1", 1)
    monkeypatch.setattr("locutor.cli.service.live_service", lambda data_dir: service)


def test_a_service_that_was_killed_does_not_keep_a_run_waiting(
    run: Any, begun: list[list[str]], dataset: Path, home: Path
) -> None:
    (home / "data").mkdir()
    write_down(home / "data", LocalService("http://127.0.0.1:1", 1))
    assert run("train", "start", "alice", "--dataset", dataset, "--detach").exit_code == 0
    assert run("train", "resume", "alice", "--detach").exit_code == 0
    assert [command[-2:] for command in begun] == [["train", "supervise"]] * 2


def test_a_service_that_lives_has_the_run(
    run: Any, refused: Any, begun: list[list[str]], dataset: Path, alice: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch)
    start = ("train", "start", "alice", "--dataset", dataset, "--detach")
    assert "--device belongs to the service" in refused(run(*start, "--device", "cpu"), 2)
    assert not alice.exists()
    assert run(*start).exit_code == 0 and alice.exists() and begun == []


def test_what_is_refused_before_anything_is_queued(
    run: Any, refused: Any, begun: list[list[str]], dataset: Path, alice: RunFolder
) -> None:
    start = ("train", "start", "alice", "--dataset", dataset, "--detach")
    assert "'cuda:77' is not available" in refused(run(*start, "--device", "cuda:77"), 2)
    assert "--rank belongs to an adapter" in refused(run(*start, "--rank", "4"), 2)
    assert "--alpha belongs to an adapter" in refused(run(*start, "--alpha", "4"), 2)
    assert "unknown language 'klingon'" in refused(run(*start, "--lang", "klingon"), 2)
    assert not alice.exists() and begun == []


def test_a_language_is_taken_as_it_is_spelt_elsewhere(
    run: Any, begun: list[list[str]], dataset: Path, alice: RunFolder
) -> None:
    options = ("--lang", "pt", "--lora", "--rank", "4", "--alpha", "9")
    assert run("train", "start", "alice", "--dataset", dataset, "--detach", *options).exit_code == 0
    assert (alice.config().language, alice.config().rank) == ("pt-BR", 4)


def test_a_run_that_was_not_done_is_no_success(
    run: Any, dataset: Path, stores: Stores, alice: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        claimed = stores.jobs.claim([TRAIN], stores.owner.token, LEASE_S)
        assert claimed is not None
        alice.tell(RunStatus(state="preparing", message="starting"))
        stores.jobs.fail(claimed[1], endings.pop(0))

    endings: list[Exception] = [WorkerError("it was killed"), CancelledError("by somebody")]
    monkeypatch.setattr(train.subprocess, "Popen", dies)
    failed = run("train", "start", "alice", "--dataset", dataset)
    assert failed.exit_code == 1 and "error: it was killed" in failed.stderr
    cancelled = run("train", "resume", "alice")
    assert cancelled.exit_code == 1 and "'alice' was cancelled while it was preparing" in cancelled.stderr


def test_stop_returns_when_the_run_is_over(run: Any, stores: Stores, alice: RunFolder, home: Path) -> None:
    """Also where its process is only about to begin and holds no lock yet."""
    alice.create(RunConfig(model_name="alice", dataset=home))
    job = stores.jobs.submit(TRAIN, {"run": "alice"})
    claimed = stores.jobs.claim([TRAIN], stores.owner.token, LEASE_S)
    assert claimed is not None

    def end() -> None:
        while not stores.jobs.get(job.id).cancel_requested:
            time.sleep(0.05)
        time.sleep(1)
        stores.jobs.fail(claimed[1], CancelledError("stopped"))

    ending = threading.Thread(target=end)
    ending.start()
    assert "alice is stopped" in run("train", "stop", "alice").stderr
    assert stores.jobs.get(job.id).status is JobStatus.CANCELLED
    ending.join()


def test_stop_does_not_wait_for_a_process_that_was_killed(
    run: Any, stores: Stores, alice: RunFolder, home: Path
) -> None:
    alice.create(RunConfig(model_name="alice", dataset=home))
    job = stores.jobs.submit(TRAIN, {"run": "alice"})
    stores.jobs.claim([TRAIN], "12-gone", LEASE_S)
    assert "alice is stopped" in run("train", "stop", "alice").stderr
    assert stores.jobs.get(job.id).status is JobStatus.CANCELLED


def test_stop_says_when_it_takes_too_long(
    run: Any, refused: Any, stores: Stores, alice: RunFolder, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locutor.runs.supervise.SAVE_S", 0.2)
    monkeypatch.setattr("locutor.runs.supervise.STOP_S", 0.3)
    alice.create(RunConfig(model_name="alice", dataset=home))
    stores.jobs.submit(TRAIN, {"run": "alice"})
    stores.jobs.claim([TRAIN], stores.owner.token, LEASE_S)
    assert refused(run("train", "stop", "alice"), 1) == "run 'alice' has not ended after 0.5 s"


def test_a_misspelt_base_leaves_no_run(
    run: Any, refused: Any, begun: list[list[str]], dataset: Path, alice: RunFolder
) -> None:
    told = refused(run("train", "start", "alice", "--dataset", dataset, "--base", "biultin"), 1)
    assert "biultin" in told and not alice.path.exists() and not begun
