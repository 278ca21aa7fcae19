"""How the process of a run ends, and what becomes of its job: asked to stop, killed, or dead before it said a word."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from locutor.bootstrap import Stores, job_runner, open_stores
from locutor.errors import CancelledError, EngineError, WorkerError
from locutor.jobs.kinds import JobKinds
from locutor.jobs.model import JobStatus
from locutor.runs import supervise
from locutor.runs.open import run_tasks
from locutor.runs.supervise import LANE, Worker, _end, _outcome
from locutor.settings import load_settings
from locutor.training.lock import locked
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder, RunStatus

Spawn = Callable[[str], Worker]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path / "training" / "alice")
    found.create(RunConfig(model_name="alice", dataset=tmp_path))
    found.tell(RunStatus(state="preparing", message="starting"))
    return found


@pytest.fixture
def spawn(folder: RunFolder) -> Iterator[Spawn]:
    """A process that does this, as the process of the run."""
    begun = []

    def popen(code: str) -> Worker:
        with (folder.path / "output.log").open("ab") as output:
            at = output.tell()
            begun.append(subprocess.Popen([sys.executable, "-c", code], stdout=output, stderr=output))
        return Worker(begun[-1], at)

    yield popen
    for process in begun:
        process.kill()
        process.wait()


def ended(worker: Worker) -> Worker:
    worker.process.wait()
    return worker


def test_one_that_dies_before_its_first_word_has_failed(folder: RunFolder, spawn: Spawn) -> None:
    (folder.path / "output.log").write_text("of another attempt\n")
    code = "print('locutor.errors.OptionError: device is not available'); raise SystemExit(2)"
    with pytest.raises(EngineError, match="^device is not available$"):
        _outcome(folder, ended(spawn(code)))
    assert (folder.status().state, folder.status().error) == ("failed", "device is not available")


@pytest.mark.parametrize("code", [0, 3])
def test_one_that_says_nothing_has_failed(folder: RunFolder, spawn: Spawn, code: int) -> None:
    (folder.path / "output.log").write_text("of another attempt\n")
    with pytest.raises(EngineError, match=f"'alice' ended with exit code {code} and said nothing"):
        _outcome(folder, ended(spawn(f"raise SystemExit({code})")))
    assert folder.status().state == "failed"


def test_one_that_is_killed_is_tried_again(folder: RunFolder, spawn: Spawn) -> None:
    with pytest.raises(WorkerError, match="ended unexpectedly"):
        _outcome(folder, ended(spawn("import os; os.kill(os.getpid(), 9)")))
    with pytest.raises(WorkerError, match="ended unexpectedly"):
        _outcome(folder, None)


def test_one_that_said_how_it_ended_is_believed(folder: RunFolder, spawn: Spawn) -> None:
    folder.tell(RunStatus(state="stopped", message="stopped after update 3"))
    with pytest.raises(CancelledError, match="after update 3"):
        _outcome(folder, ended(spawn("raise SystemExit(1)")))


def test_one_that_another_process_keeps_out_changes_nothing(folder: RunFolder, spawn: Spawn) -> None:
    folder.tell(RunStatus(state="running", message="update 3 of 9"))
    with locked(folder.path / "lock"), pytest.raises(EngineError, match="under way in another process"):
        _outcome(folder, ended(spawn("raise SystemExit('run is under way in another process')")))
    assert folder.last_word().state == "running"


def test_one_that_saves_is_given_time(folder: RunFolder, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STOP_S", 0.1)
    folder.tell(RunStatus(state="running", saving=True))
    worker = spawn("import time; time.sleep(1.5)")
    _end(folder, worker)
    assert worker.process.returncode == 0 and folder.stop_file.exists()


def test_one_that_does_not_stop_is_killed(folder: RunFolder, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STOP_S", 0.1)
    worker = spawn("import time; time.sleep(60)")
    _end(folder, worker)
    assert worker.process.returncode == -9
    assert folder.status().state == "stopped" and "killed" in folder.status().message


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    found = open_stores(load_settings(data_dir=tmp_path))
    yield found
    found.close()


def test_a_device_that_is_not_there_is_the_error_of_the_job(stores: Stores, tmp_path: Path, folder: RunFolder) -> None:
    tasks = run_tasks(load_settings(data_dir=tmp_path, device="cuda:77"), stores)
    job = tasks.resume("alice")
    job_runner(stores, JobKinds(tasks.kind())).run_next(LANE)
    failed = stores.jobs.get(job.id)
    assert failed.status is JobStatus.FAILED and failed.error_kind == "EngineError"
    assert "device 'cuda:77' is not available" in (failed.error or "") and failed.error == folder.status().error


def test_a_stop_while_the_process_starts_is_heeded(stores: Stores, tmp_path: Path, folder: RunFolder) -> None:
    tasks = run_tasks(load_settings(data_dir=tmp_path, device="cpu"), stores)
    job = tasks.resume("alice")
    runner = job_runner(stores, JobKinds(tasks.kind()))
    runner.start()
    try:
        end = time.monotonic() + 60
        while not (folder.path / "output.log").exists() and time.monotonic() < end:
            time.sleep(0.05)
        tasks.stop("alice")
        while tasks.is_ending("alice", job) and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        runner.stop()
    assert stores.jobs.get(job.id).status is JobStatus.CANCELLED
    assert folder.status().message == "stopped before the first update", "its dataset, which is none, was not read"


def test_a_run_that_nobody_watches_is_asked_directly(stores: Stores, tmp_path: Path, folder: RunFolder) -> None:
    tasks = run_tasks(load_settings(data_dir=tmp_path), stores)
    job = tasks.resume("alice")
    with locked(folder.path / "lock"):
        assert tasks.stop("alice") is not None and folder.stop_file.exists()
        assert stores.jobs.get(job.id).status is JobStatus.CANCELLED and tasks.is_ending("alice", job)
    assert not tasks.is_ending("alice", job)


def test_resumed_while_it_saves_it_is_waited_for(
    stores: Stores, tmp_path: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "STOP_S", 0.1)
    folder.tell(RunStatus(state="running", saving=True))
    folder.ask_to_stop()
    found: list[bool] = []

    def spawned(self: object, of: RunFolder) -> None:
        found.append(of.is_alive())
        of.tell(RunStatus(state="completed"))

    monkeypatch.setattr(supervise.RunTasks, "_spawn", spawned)
    tasks = run_tasks(load_settings(data_dir=tmp_path), stores)
    tasks.resume("alice")
    held = threading.Event()

    def saving() -> None:
        with locked(folder.path / "lock"):
            held.set()
            time.sleep(1)

    ending = threading.Thread(target=saving)
    ending.start()
    held.wait(5)
    job_runner(stores, JobKinds(tasks.kind())).run_next(LANE)
    ending.join()
    assert found == [False], "a new process begins when the old one is gone"
