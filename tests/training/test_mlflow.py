"""What a run tells MLflow, against its own tracking server where that is installed."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from locutor.errors import ServiceError
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
