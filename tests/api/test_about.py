"""The front door, health, metrics, and administration."""

import json
import time
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import text

from locutor import __version__


def test_the_front_door_is_json_in_a_browser_too(client: TestClient) -> None:
    answer = client.get("/", headers={"Accept": "text/html,application/xhtml+xml"})
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["name"] == "Locutor" and body["version"] == __version__ and body["status"] == "running"
    for name in ("openapi", "health", "jobs", "voices", "metrics"):
        assert client.get(body["links"][name]).status_code == 200, name


def test_health_ready_and_engines(client: TestClient) -> None:
    assert client.get("/health").json()["checks"] == {"database": "ok", "disk": "ok", "speech": "ok"}
    assert client.get("/ready").status_code == 200
    client.post("/v1/audio/speech", json={"input": "Hello.", "voice": "alloy"})
    engines = client.get("/health/engines").json()
    loaded = {row["model"]: row for row in engines["engines"] if row["loaded"]}
    assert loaded["tones"]["n_loads"] == 1 and loaded["tones"]["users"] == 0 and engines["status"] == "healthy"
    assert "vocos-mel-24khz" not in {row["model"] for row in engines["engines"]}


def test_the_device_is_known_before_a_model_is_loaded(serve: Any) -> None:
    with serve(device="cpu") as found:
        end = time.monotonic() + 60
        while (engines := found.client.get("/health/engines").json())["devices"] == {"0": None}:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert engines["devices"] == {"0": "cpu"} and not any(row["loaded"] for row in engines["engines"])


def test_ready_says_503_when_a_part_is_down(service: Any, client: TestClient) -> None:
    speech = service.context.speech
    down = type("Down", (), {"status": lambda self: _Status()})()
    object.__setattr__(service.context, "speech", down)
    try:
        answer = client.get("/ready")
        assert answer.status_code == 503 and answer.json()["checks"]["speech"] == "cpu: down"
        assert client.get("/health").status_code == 200 and client.get("/health").json()["status"] == "unhealthy"
    finally:
        object.__setattr__(service.context, "speech", speech)


class _Status:
    is_ready, workers = False, {"cpu": "down"}


def test_presets_and_languages_can_be_spoken(client: TestClient) -> None:
    [preset] = client.get("/presets").json()["presets"].values()
    assert client.get(preset["audio_url"]).status_code == 200
    languages = client.get("/languages").json()
    assert languages["total"] == len(languages["languages"]) and set(languages["languages"]) >= {"en", "pt-BR"}
    for code in languages["examples"]:
        body = {"input": languages["examples"][code], "voice": preset["id"], "language": code}
        assert client.post("/v1/audio/speech", json=body).status_code == 200


def test_metrics_count_what_happened(client: TestClient) -> None:
    client.post("/v1/audio/speech", json={"input": "Hello.", "voice": "alloy"})
    text = client.get("/metrics").text
    for name in ("locutor_ttfa_seconds_count", "locutor_rtf_ratio_count", "locutor_queue_depth", "locutor_batch_size"):
        assert name in text
    assert 'locutor_cache_lookups_total{cache="voice",result="miss"} ' in text
    assert 'locutor_cache_lookups_total{cache="model",result="miss"} ' in text
    assert 'http_requests_total{method="POST",route="/v1/audio/speech",status="200"}' in text
    client.get("/jobs/secret-name")
    assert "secret-name" not in client.get("/metrics").text and 'route="/jobs/{job_id}"' in client.get("/metrics").text


def test_stats_add_up(client: TestClient) -> None:
    stats = client.get("/admin/stats").json()
    assert stats["jobs"]["total"] == sum(n for name, n in stats["jobs"].items() if name != "total")
    assert stats["voice_profiles"]["total"] >= 1 and stats["speech"]["capacity"] == 128


def test_cleanup_asks_first_and_spares_what_runs(service: Any, client: TestClient) -> None:
    jobs = service.context.stores.jobs
    done = client.post("/jobs", data={"text": "Hello."}).json()["id"]
    client.get(f"/jobs/{done}/download", params={"timeout": 120})
    waiting, over = jobs.submit("held", {}).id, jobs.submit("held", {}, ttl_s=0.0).id
    jobs.cancel(over)
    time.sleep(0.01)
    asked = client.post("/admin/cleanup").json()
    assert not asked["deleted"] and asked["jobs"] == [over] and "ask with confirm=true" in asked["message"]
    assert jobs.get(over)
    deep = client.post("/admin/cleanup", params={"deep": True}).json()
    assert set(deep["jobs"]) == {over, done} and deep["n_files"] == 1 and deep["n_bytes"] > 1000
    assert client.post("/admin/cleanup", params={"confirm": True}).json()["jobs"] == [over]
    freed = client.post("/admin/cleanup", params={"deep": True, "confirm": True}).json()
    assert freed["deleted"] and freed["jobs"] == [done]
    assert [job.id for job in jobs.list()] == [waiting]
    assert len(client.get("/voices").json()["voices"]) == 1


def test_models_are_loaded_and_unloaded(client: TestClient) -> None:
    assert client.post("/admin/models/tones/load").json() == {"model": "tones", "loaded": True}
    assert client.get("/health/engines").json()["engines"]
    assert client.post("/admin/models/tones/unload").json()["loaded"] is False
    assert client.post("/admin/models/tones/unload").status_code == 404
    assert client.post("/admin/models/nope/load").status_code == 404


def test_every_answer_has_an_id(client: TestClient) -> None:
    assert client.get("/health", headers={"X-Request-ID": "mine-7"}).headers["X-Request-ID"] == "mine-7"
    for odd in ("a b", "x" * 65, "a;b"):
        answer = client.get("/nowhere", headers={"X-Request-ID": odd})
        assert answer.status_code == 404 and answer.headers["X-Request-ID"] not in ("", odd)
        assert json.loads(answer.text)["request_id"] == answer.headers["X-Request-ID"]


def test_a_database_that_refuses_is_told_and_cleaning_goes_on_after(serve: Any) -> None:
    with serve(cleanup_minutes=0.001) as found:
        jobs, database = found.context.stores.jobs, found.context.stores.database

        def rename(old: str, new: str) -> None:
            with database.write() as session:
                session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

        rename("jobs", "gone_jobs")
        rename("job_events", "gone_events")
        health = found.client.get("/health")
        assert health.status_code == 200 and "no such table" in health.json()["checks"]["database"]
        time.sleep(0.3)  # several times over
        rename("gone_events", "job_events")
        rename("gone_jobs", "jobs")
        jobs.cancel(jobs.submit("held", {}, ttl_s=0.0).id)
        end = time.monotonic() + 60
        while jobs.count() and time.monotonic() < end:
            time.sleep(0.05)
        assert jobs.count() == 0
