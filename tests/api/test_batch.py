"""Many texts in one job."""

import io as _io
import json
import time
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient

from locutor.audio import io


def archive(client: TestClient, **request: Any) -> tuple[dict[str, Any], zipfile.ZipFile]:
    answer = client.post("/jobs/batch", **request)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    end = time.monotonic() + 120
    while (job := client.get(f"/jobs/{job['id']}").json())["status"] in ("queued", "processing"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert job["status"] == "completed", job
    return job, zipfile.ZipFile(_io.BytesIO(client.get(job["zip_url"]).content))


def test_rows_that_cannot_be_spoken_are_listed_and_the_others_are(client: TestClient) -> None:
    rows = [
        {"text": "Good morning!", "seed": 1},
        {"text": "Bom dia!", "language": "pt-BR", "voice_id": "alloy", "seed": 2},
        {"text": "Nobody says this.", "voice_id": "nobody"},
        {"text": "FAIL"},
        {"text": "..."},
    ]
    job, files = archive(client, json={"rows": rows, "normalize": False, "format": "flac"})
    assert job["result"]["n_rows"] == 5 and job["result"]["n_failed"] == 3 and job["progress"] == 100
    assert sorted(files.namelist()) == ["1.flac", "2.flac", "manifest.json"]
    assert io.decode(files.read("1.flac")).duration_s == pytest.approx(0.1625, abs=0.01)
    manifest = json.loads(files.read("manifest.json"))
    assert [row.get("file") for row in manifest] == ["1.flac", "2.flac", None, None, None]
    assert "no voice is called 'nobody'" in manifest[2]["error"] and "cannot say 'FAIL'" in manifest[3]["error"]
    assert "nothing to speak" in manifest[4]["error"] and manifest[1]["recipe"]["voice"] == "default"
    assert [failure["row"] for failure in job["result"]["failures"]] == [3, 4, 5]


def test_models_go_by_openais_names_too(client: TestClient) -> None:
    rows = [{"text": "Hi."}, {"text": "Hi.", "model": "tts-1-hd"}, {"text": "Hi.", "model": "tts-9"}]
    job, files = archive(client, json={"rows": rows, "model": "tts-1"})
    manifest = json.loads(files.read("manifest.json"))
    assert [row["recipe"]["model"] for row in manifest[:2]] == ["tones", "tones"]
    assert job["result"]["n_failed"] == 1 and "no model is called 'tts-9'" in manifest[2]["error"]


def test_each_text_is_as_long_as_the_service_takes(serve: Any) -> None:
    with serve(max_text_chars=5) as found:
        job, _ = archive(found.client, json={"rows": [{"text": "Hi."}, {"text": "Hello there."}]})
        said = "the text has 12 characters; this service takes at most 5"
        assert job["result"]["failures"] == [{"row": 2, "error": said}]
        refused = found.client.post("/jobs/batch", json={"rows": [{"text": "Hello there."}]})
        assert refused.status_code == 400 and said in refused.json()["detail"]


@pytest.mark.parametrize("way", ["body", "form"])
def test_a_csv_is_a_batch_too(client: TestClient, way: str) -> None:
    text = 'text,voice_id,language,seed\n"Hello, all!",default,en,1\nOlá!,,pt-BR,\n'.encode("utf-8-sig")
    form = {"files": {"file": ("rows.csv", text, "text/csv")}}
    request = {"content": text, "headers": {"content-type": "text/csv"}} if way == "body" else form
    job, files = archive(client, **request)
    first, second = json.loads(files.read("manifest.json"))
    assert job["result"]["n_failed"] == 0 and first["text"] == "Hello, all!" and first["recipe"]["options"]["seed"] == 1
    assert second["recipe"]["language"] == "pt-BR" and len(files.namelist()) == 3


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"text,colour\na,red\n", "text/csv", 400, "the column 'colour' is not known"),
        (b"voice_id\nx\n", "text/csv", 400, "there is no column text"),
        (b"text\na,b\n", "text/csv", 400, "row 1 of the CSV has more cells"),
        (b"text\n\xff\n", "text/csv", 400, "not UTF-8"),
        (b"text\n", "text/csv", 422, "rows"),
        (b"text,speed\na,quick\n", "text/csv", 422, "rows.0.speed"),
        (b"{}", "application/json", 422, "rows: Field required"),
        (b"{", "application/json", 422, "JSON"),
        (b'{"rows": [{"text": "a", "voice_id": "nobody"}]}', "application/json", 400, "no row can be spoken"),
        (b"x", "text/plain", 415, "not text/plain"),
    ],
)
def test_wrong_batches_are_refused(client: TestClient, body: bytes, kind: str, status: int, message: str) -> None:
    answer = client.post("/jobs/batch", content=body, headers={"content-type": kind})
    assert answer.status_code == status and message in answer.json()["detail"], answer.text


def test_there_are_at_most_a_thousand_rows(client: TestClient) -> None:
    assert client.post("/jobs/batch", json={"rows": [{"text": "a"}] * 1001}).status_code == 422


def test_only_a_batch_has_a_zip(client: TestClient) -> None:
    job = client.post("/jobs", data={"text": "Hello."}).json()
    client.get(f"/jobs/{job['id']}/download", params={"timeout": 120})
    assert client.get(f"/jobs/{job['id']}/zip").status_code == 409
    assert client.get("/jobs/nope/zip").status_code == 404
