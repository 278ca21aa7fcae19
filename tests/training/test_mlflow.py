"""What a run tells MLflow, against its own tracking server where that is installed.

Starts that fail are told to a small one, which can be made to refuse.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from locutor.errors import ServiceError, StorageError
from locutor.training.log import Ending, RunLog
from locutor.training.mlflow import API, MlflowRun


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="no run could be begun at the MLflow server http://127.0.0.1:"):
        MlflowRun(f"http://127.0.0.1:{free_port()}", tmp_path, {})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_spec("flask") is None or find_spec("mlflow") is None:
        pytest.skip("mlflow with its server is not installed")
    place, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{place}/runs.db", "--artifacts-destination", str(place)]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while time.monotonic() < end and not answers(url):
            assert process.poll() is None, (place / "log").read_text()
            time.sleep(0.5)
        yield url
        process.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "status"), [("stopped", "KILLED"), ("failed", "FAILED"), ("finished", "FINISHED")])
def test_how_a_run_ended_is_its_status(server: str, tmp_path: Path, ending: Ending, status: str) -> None:
    folder = tmp_path / ending
    folder.mkdir()
    MlflowRun(server, folder, {}).close(ending)
    run_id = json.loads((folder / "mlflow.json").read_text())["run_id"]
    found = httpx.get(f"{server}{API}runs/get", params={"run_id": run_id}).json()["run"]
    assert (found["info"]["run_name"], found["info"]["status"]) == (ending, status)


@pytest.mark.slow
def test_settings_and_figures_arrive_and_a_resumed_run_goes_on(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "alice"
    folder.mkdir()
    for step in (10, 20):
        log = RunLog(folder, boards=[MlflowRun(server, folder, {"epochs": 4, "dataset": "d"})])
        log.write(step, {"train/loss": 1 / step, "held_out/loss": float("nan")})
        log.close()
    with httpx.Client(base_url=server + API) as client:
        experiment = client.get("experiments/get-by-name", params={"experiment_name": "locutor"}).json()["experiment"]
        body = {"experiment_ids": [experiment["experiment_id"]]}
        [run] = client.post("runs/search", json=body).json()["runs"]
        query = {"run_id": run["info"]["run_id"], "metric_key": "train/loss"}
        history = client.get("metrics/get-history", params=query).json()["metrics"]
    assert (run["info"]["run_name"], run["info"]["status"]) == ("alice", "FINISHED")
    assert {row["key"]: row["value"] for row in run["data"]["params"]} == {"epochs": "4", "dataset": "d"}
    assert [(row["step"], row["value"]) for row in history] == [(10, 0.1), (20, 0.05)]


class Tracking(BaseHTTPRequestHandler):
    """As much of a tracking server as a run needs to begin and end. statuses: of its runs, in order."""

    statuses: list[str]
    refuses = ""

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer({"experiment": {"experiment_id": "1"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = self.path.removeprefix(API)
        if call == self.refuses:
            self._answer({"message": "too many parameters"}, 400)
            return
        if call == "runs/create":
            self.statuses.append("RUNNING")
        if call == "runs/update":
            self.statuses[int(body["run_id"])] = body["status"]
        self._answer({"run": {"info": {"run_id": str(len(self.statuses) - 1)}}})

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def tracking() -> Iterator[tuple[str, type[Tracking]]]:
    """Its address, and what to ask and to tell it."""
    handler = type("Handler", (Tracking,), {"statuses": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def put_folder(folder: Path) -> None:
    (folder / "log.jsonl").mkdir()


def put_file(folder: Path) -> None:
    pytest.importorskip("tensorboard")
    (folder / "tensorboard").write_text("in the way")


@pytest.mark.parametrize("obstruct", [put_folder, put_file])
def test_a_log_that_cannot_be_opened_ends_the_run_there(
    tracking: tuple[str, type[Tracking]], tmp_path: Path, obstruct: Callable[[Path], None]
) -> None:
    url, server = tracking
    obstruct(tmp_path)
    for _ in range(2):  # a new run, and one that is resumed
        with pytest.raises(StorageError, match="cannot write the log of run"):
            RunLog(tmp_path, boards=[MlflowRun(url, tmp_path, {})])
        assert server.statuses == ["FAILED"]


def test_a_server_that_refuses_the_settings_of_a_run_is_told_that_it_failed(
    tracking: tuple[str, type[Tracking]], tmp_path: Path
) -> None:
    url, server = tracking
    server.refuses = "runs/log-batch"
    with pytest.raises(ServiceError, match=r"begun at the MLflow server .*: 400, .*too many parameters"):
        MlflowRun(url, tmp_path, {"epochs": 4})
    assert server.statuses == ["FAILED"] and not (tmp_path / "mlflow.json").exists()
    server.refuses = ""
    MlflowRun(url, tmp_path, {"epochs": 4}).close("finished")
    assert server.statuses == ["FAILED", "FINISHED"]


def test_a_folder_that_does_not_take_the_id(tracking: tuple[str, type[Tracking]], tmp_path: Path) -> None:
    url, server = tracking
    (tmp_path / "mlflow.json").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*mlflow.json: Is a directory"):
        MlflowRun(url, tmp_path, {})
    assert server.statuses == ["FAILED"]


def test_a_disk_that_is_full_ends_the_run_there(tracking: tuple[str, type[Tracking]], tmp_path: Path) -> None:
    url, server = tracking
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"), RunLog(tmp_path, boards=[MlflowRun(url, tmp_path, {})]) as log:
        log.write(1, {"train/loss": 1.0})
    assert server.statuses == ["FAILED"]
