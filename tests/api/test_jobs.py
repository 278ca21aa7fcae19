"""Jobs over HTTP: from the form to the file."""

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from locutor.audio import io


def submit(client: TestClient, **form: object) -> dict[str, Any]:
    answer = client.post("/jobs", data={"text": "Good morning!", "seed": "1", **form})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: TestClient, job_id: str) -> dict[str, Any]:
    for _ in range(2400):
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if job["status"] in ("completed", "failed", "cancelled"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} does not end: {job}")


def held(service: Any, kind: str = "held", **options: Any) -> str:
    """A job that nobody works on."""
    found: str = service.context.stores.jobs.submit(kind, {"text": "wait"}, **options).id
    return found


def test_a_job_is_spoken_and_downloaded(client: TestClient) -> None:
    job = submit(client)
    assert job["status"] == "queued" and job["mode"] == "dubbing" and job["quality_profile"] == "tone_plain"
    done = client.get(f"/jobs/{job['id']}/download", params={"timeout": 120})
    assert done.status_code == 200 and done.headers["content-type"] == "audio/wav"
    assert f'filename="dubbed_{job["id"]}.wav"' in done.headers["content-disposition"]
    assert io.decode(done.content).duration_s == pytest.approx(0.1625, abs=0.01)
    after = client.get(f"/jobs/{job['id']}").json()
    assert after["status"] == "completed" and after["progress"] == 100 and after["tts_engine_used"] == "tone"
    assert after["recipe"]["options"]["seed"] == 1 and after["duration"] == pytest.approx(0.1625, abs=0.01)


@pytest.mark.parametrize("format", ["wav", "mp3", "ogg", "flac", "opus", "m4a", "aac", "pcm"])
def test_each_listed_format_can_be_downloaded(client: TestClient, format: str) -> None:
    job = submit(client)
    ended(client, job["id"])
    listed = {row["format"]: row for row in client.get(f"/jobs/{job['id']}/formats").json()["formats"]}
    assert listed[format]["available"]
    answer = client.get(f"/jobs/{job['id']}/download", params={"format": format})
    assert answer.status_code == 200 and answer.headers["content-type"] == listed[format]["mime_type"]
    assert format == "pcm" or io.decode(answer.content).duration_s > 0.1


def test_a_download_can_wait_or_not(service: Any, client: TestClient) -> None:
    job_id = held(service)
    assert client.get(f"/jobs/{job_id}/download").status_code == 425
    start = time.monotonic()
    late = client.get(f"/jobs/{job_id}/download", params={"timeout": 0.3})
    assert late.status_code == 408 and 0.3 <= time.monotonic() - start < 3
    assert "is still queued after 0.3 s" in late.json()["detail"]
    for part in ("formats", "audio", "peaks"):
        assert client.get(f"/jobs/{job_id}/{part}").status_code == 425
    assert client.get(f"/jobs/{job_id}/download", params={"format": "wma"}).status_code == 400


def test_players_may_ask_for_a_part(client: TestClient) -> None:
    job = submit(client)
    ended(client, job["id"])
    whole = client.get(f"/jobs/{job['id']}/audio")
    part = client.get(f"/jobs/{job['id']}/audio", headers={"Range": "bytes=44-143"})
    assert part.status_code == 206 and part.content == whole.content[44:144]
    assert part.headers["content-range"] == f"bytes 44-143/{len(whole.content)}"
    assert client.get(f"/jobs/{job['id']}/audio", headers={"Range": "bytes=999999-"}).status_code == 416
    peaks = client.get(f"/jobs/{job['id']}/peaks", params={"n": 50}).json()
    assert peaks["n"] == len(peaks["low"]) == len(peaks["high"]) == 50
    assert all(low <= high for low, high in zip(peaks["low"], peaks["high"], strict=True)) and max(peaks["high"]) > 0.2


def test_a_second_try_makes_no_second_job(client: TestClient) -> None:
    first, second = (
        client.post("/jobs", data={"text": "Once."}, headers={"Idempotency-Key": "order 7"}).json() for _ in range(2)
    )
    assert first["id"] == second["id"]
    assert client.post("/jobs", data={"text": "Once."}).json()["id"] != first["id"]


def test_cancel_retry_and_delete(service: Any, client: TestClient) -> None:
    job_id = held(service)
    assert client.post(f"/jobs/{job_id}/retry").status_code == 409
    assert client.post(f"/jobs/{job_id}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/jobs/{job_id}/cancel").status_code == 409
    assert client.get(f"/jobs/{job_id}/download").status_code == 409
    assert client.post(f"/jobs/{job_id}/retry").json()["status"] == "queued"
    assert client.delete(f"/jobs/{job_id}").json() == {"message": "deleted", "job_id": job_id, "files_deleted": 0}
    for call in (client.get, client.delete):
        assert call(f"/jobs/{job_id}").status_code == 404


def test_deleting_a_job_deletes_its_file(service: Any, client: TestClient) -> None:
    job = ended(client, submit(client)["id"])
    [artefact] = service.context.stores.artefacts.owned_by(f"job:{job['id']}")
    path = service.context.stores.artefacts.path(artefact.id)
    assert path.is_file()
    assert client.delete(f"/jobs/{job['id']}").json()["files_deleted"] == 1
    assert not path.exists()


def test_a_job_whose_time_is_over_is_gone(service: Any, client: TestClient) -> None:
    job_id = held(service, ttl_s=0.0)
    client.post(f"/jobs/{job_id}/cancel")
    time.sleep(0.01)
    assert client.get(f"/jobs/{job_id}").status_code == 410
    assert client.get(f"/jobs/{job_id}/download").status_code == 410


def test_pages_are_newest_first_and_filtered(service: Any, client: TestClient) -> None:
    ids = [held(service, "paged") for _ in range(3)]
    page = client.get("/jobs", params={"limit": 2, "kind": "paged", "status": "queued"}).json()
    assert [job["id"] for job in page["jobs"]] == ids[:0:-1] and page["total"] == 3
    rest = client.get("/jobs", params={"limit": 2, "offset": 2, "kind": "paged", "status": "queued"}).json()
    assert [job["id"] for job in rest["jobs"]] == ids[:1]
    assert client.get("/jobs", params={"status": "finished"}).status_code == 422


def test_several_kinds_can_be_asked_for_at_once(service: Any, client: TestClient) -> None:
    ids = {held(service, kind) for kind in ("cut", "built", "other")}
    page = client.get("/jobs", params={"kind": ["cut", "built"]}).json()
    assert page["total"] == 2 and {job["id"] for job in page["jobs"]} < ids


@pytest.mark.parametrize(
    ("form", "status", "message"),
    [
        ({"mode": "dubbing_with_clone"}, 400, "needs voice_id"),
        ({"mode": "dubbing", "voice_id": "default"}, 400, "speaks with voice_preset"),
        ({"voice_id": "nobody"}, 404, "no voice is called 'nobody'"),
        ({"tts_engine": "xtts9"}, 400, "an engine must be one of builtin, f5, tone, xtts"),
        ({"tts_engine": "f5tts"}, 404, "no model of engine 'f5' is installed"),
        ({"target_language": "xx"}, 400, "unknown language 'xx'"),
        ({"quality_profile_id": "nope"}, 404, "there is no quality profile 'nope'"),
        ({"text": ""}, 422, "text"),
        ({"text": "[voice:Bob] Hi. [voice:Eve] Hi."}, 404, "'Bob'"),
        ({"text": "Hi. [pause:99s]"}, 400, "a pause lasts at most 30 s"),
        ({"speed": "3"}, 422, "speed"),
        ({"seed": "-1"}, 422, "seed"),
        ({"unheard": "of"}, 422, "unheard"),
    ],
)
def test_wrong_forms_are_refused_before_anything_is_queued(
    client: TestClient, form: dict[str, str], status: int, message: str
) -> None:
    before = client.get("/jobs").json()["total"]
    answer = client.post("/jobs", data={"text": "Good morning!"} | form)
    assert answer.status_code == status and message in answer.json()["detail"]
    assert set(answer.json()) == {"error", "detail", "request_id", "path"}
    assert client.get("/jobs").json()["total"] == before


def test_the_engine_chooses_the_model_and_a_failure_is_told(client: TestClient) -> None:
    job = ended(client, submit(client, text="FAIL please", normalize="false", tts_engine="TONE")["id"])
    assert job["status"] == "failed" and job["error_kind"] == "EngineError" and "cannot say" in job["error_message"]
    assert client.get(f"/jobs/{job['id']}/download").status_code == 409


def test_a_profile_changes_what_is_heard_and_the_job_says_so(client: TestClient) -> None:
    made = client.post(
        "/quality-profiles/tone", json={"name": "Loud", "parameters": {"loudness_lufs": -12, "nfe_step": 5}}
    ).json()
    job = ended(client, submit(client, quality_profile_id=made["id"], nfe_step="7")["id"])
    assert job["quality_profile"] == made["id"]
    assert job["recipe"]["options"]["loudness_lufs"] == -12 and job["recipe"]["options"]["nfe_step"] == 7
    plain = ended(client, submit(client)["id"])
    loud, normal = (client.get(f"/jobs/{j['id']}/peaks", params={"n": 1}).json()["high"][0] for j in (job, plain))
    assert loud != pytest.approx(normal, rel=0.05)
