"""Training over HTTP: what was saved is listed and plays, and nothing outside of the training folder can be named."""

import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from locutor.audio import io
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder

from .conftest import DEFAULT_VOICE, Service
from .kept import keep_run


@pytest.fixture(scope="module")
def run(service: Service) -> RunFolder:
    """A run of the quick engine's model, as it would lie there after two epochs; made after the service started."""
    return keep_run(service.context.settings.data_dir, io.read(DEFAULT_VOICE))


def test_checkpoints_newest_first(client: TestClient, run: RunFolder) -> None:
    found = client.get("/training/checkpoints", params={"model_name": "alice"}).json()
    assert [(c["name"], c["path"], c["epoch"], c["size_mb"]) for c in found] == [
        ("checkpoint_epoch_2", "alice/checkpoint_epoch_2", 2, 2.0),
        ("checkpoint_epoch_1", "alice/checkpoint_epoch_1", 1, 2.0),
    ]
    assert found[0]["date"] == "1970-01-01T00:16:42Z" and found[0]["stands_for"] == ["model_last"]
    assert client.get("/training/checkpoints", params={"model_name": "bob"}).status_code == 404


def test_samples_play_though_the_folder_is_new(client: TestClient, run: RunFolder) -> None:
    found = client.get("/training/samples", params={"model_name": "alice"}).json()
    assert [(s["epoch"], s["filename"]) for s in found] == [(n, f"epoch_{n}_output.wav") for n in (2, 1, 0)]
    for url in (found[0]["path"], found[0]["reference"]):
        played = client.get(url)
        assert played.status_code == 200 and played.headers["content-type"] == "audio/wav"
        assert io.decode(played.content).duration_s > 1
    part = client.get(found[0]["path"], headers={"Range": "bytes=0-99"})
    assert part.status_code == 206 and len(part.content) == 100


@pytest.mark.parametrize(
    "path",
    [
        "/training/samples/alice/..%2F..%2Frun.json", "/training/samples/..%2Falice/epoch_1_output.wav",
        "/training/samples/alice/run.json", "/training/dataset/..%2Ftraining/wavs/x.wav",
    ],
)  # fmt: skip
def test_no_path_leads_out(client: TestClient, run: RunFolder, path: str) -> None:
    assert client.get(path).status_code in (400, 404)


@pytest.mark.parametrize("name", ["alice/../../models/tones", "/etc/passwd", "../x", "alice/run.json"])
def test_checkpoints_are_ids(client: TestClient, run: RunFolder, name: str) -> None:
    assert client.post("/training/checkpoints/load", params={"checkpoint_path": name}).status_code == 404
    body = {"checkpoint": name, "text": "hello"}
    assert client.post("/training/inference/synthesize", json=body).status_code == 404


def test_status_and_logs(client: TestClient, run: RunFolder) -> None:
    found = client.get("/training/status", params={"model_name": "alice"}).json()
    assert (found["state"], found["epoch"], found["total_epochs"], found["loss"]) == ("completed", 2, 2, 0.5)
    assert found["progress"] == 100 and '"step": 20' in found["logs"]
    assert client.get("/training/logs", params={"model_name": "alice", "limit": 1}).json()["logs"].count("\n") == 0
    told = client.get("/training/logs/stream", params={"model_name": "alice"}).text
    assert told.count("event: log") == 2 and '"state":"completed"' in told.rsplit("event: status", 1)[1]


def test_runs_that_wait_come_first(client: TestClient, run: RunFolder, tmp_path: Path) -> None:
    for name in ("waits-a", "waits-b"):
        RunFolder(run.path.parent / name).create(RunConfig(model_name=name, dataset=tmp_path, base="tones"))
    assert [found["model_name"] for found in client.get("/training/runs").json()["runs"]] == [
        "waits-b", "waits-a", "alice",
    ]  # fmt: skip
    for name in ("waits-a", "waits-b"):
        shutil.rmtree(run.path.parent / name)


def test_a_saved_model_is_loaded_and_speaks(client: TestClient, run: RunFolder) -> None:
    loaded = client.post("/training/checkpoints/load", params={"checkpoint_path": "alice/model_last"})
    assert loaded.json() == {"status": "loaded", "checkpoint": "alice/checkpoint_epoch_2"}
    body = {"checkpoint": "alice/checkpoint_epoch_1", "text": "Hello there."}
    started = client.post("/training/inference/synthesize", json=body).json()
    played = client.get(f"/jobs/{started['job_id']}/download", params={"timeout": 60})
    assert played.status_code == 200 and io.decode(played.content).duration_s > 0.1
    assert client.get(started["audio_url"]).status_code == 200


def test_a_run_needs_a_dataset_and_a_free_name(client: TestClient, run: RunFolder) -> None:
    body = {"model_name": "carol", "dataset_folder": "none"}
    assert client.post("/training/start", json=body).status_code == 404
    assert client.post("/training/start", json=body | {"model_name": "../x"}).status_code == 422
    assert client.post("/training/start", json=body | {"epochs": 0}).status_code == 422
    assert client.post("/training/stop", params={"model_name": "alice"}).json()["status"] == "idle"


def test_a_dataset_is_uploaded_and_listed(client: TestClient) -> None:
    files = [("file", ("one.flac", DEFAULT_VOICE.read_bytes()))]
    files += [("file", (name, b"What is said.")) for name in ("one.txt", "two.txt")]
    started = client.post("/training/dataset/upload", files=files, data={"folder": "mine", "language": "en"}).json()
    while (job := client.get(started["poll_url"]).json())["status"] not in ("completed", "failed"):
        pass
    assert job["status"] == "completed", job["error_message"]
    assert job["subject"] == "mine" and job["result"]["errors"] == {"two.txt": "no recording of this name came with it"}
    [found] = [d for d in client.get("/training/datasets").json()["datasets"] if d["name"] == "mine"]
    assert found["path"] == "mine" and found["language"] == "en" and not found["has_metadata"]
    stats = client.get("/training/dataset/stats", params={"folder": "mine"}).json()
    assert stats["datasets"][0]["details"]["n_sources"] == 1
    assert client.get("/training/dataset/files", params={"folder": "mine"}).json() == {"files": []}
    assert client.get("/training/dataset/stats", params={"folder": "../mine"}).status_code == 400
