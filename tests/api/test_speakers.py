"""Voices that a model brings along, over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from .conftest import make_settings, serving

ANA = "tiny-xtts:Ana Florence"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, install_xtts: Any) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("speakers")
    install_xtts(folder, "tiny-xtts", ("Ana Florence", "Ben"))
    with serving(make_settings(folder)) as service:
        yield service.client


def say(client: TestClient, **body: object) -> Any:
    wanted = {"input": "hello there", "model": "tiny-xtts", "response_format": "wav", "stream": False, "seed": 1}
    return client.post("/v1/audio/speech", json=wanted | body)


def test_they_are_listed_with_their_model(client: TestClient) -> None:
    ana = client.get("/voices").json()["voices"][-2]
    assert (ana["id"], ana["name"], ana["kind"], ana["model"]) == (ANA, "Ana Florence", "speaker", "tiny-xtts")
    assert ana["audio_url"] is None and ana["licence"] == "CPML"
    assert client.get(f"/voices/{ANA}").json() == ana
    assert client.get("/voices/Ana Florence").json() == ana
    named = {voice["id"]: voice for voice in client.get("/v1/audio/voices").json()["voices"]}
    assert named[ANA]["model"] == "tiny-xtts" and named["default"]["model"] is None
    models = {model["id"]: model for model in client.get("/v1/models").json()["data"]}
    assert models["tiny-xtts"]["requires"] == []
    assert client.get("/admin/stats").json()["voice_profiles"]["speakers"] == 2


@pytest.mark.slow
def test_they_speak_with_their_model(client: TestClient) -> None:
    ana, again, ben = (say(client, voice=voice) for voice in (ANA, "Ana Florence", "Ben"))
    assert ana.status_code == 200, ana.text
    assert ana.content == again.content != ben.content
    assert f'"voice": "{ANA}"' in ana.headers["X-Locutor-Recipe"]
    assert '"commercial_use": false' in ana.headers["X-Locutor-Recipe"]
    script = say(client, input=f"[voice:{ANA}] hello there [voice:Ben] so it is")
    assert script.status_code == 200 and len(script.content) > len(ana.content)


def test_with_another_model_they_are_refused_before_anything_is_queued(client: TestClient) -> None:
    wanted = "comes with model 'tiny-xtts' and cannot be used with model 'tones'; choose model 'tiny-xtts'"
    spoken = say(client, voice=ANA, model="tones")
    assert spoken.status_code == 400 and wanted in spoken.json()["error"]["message"]
    job = client.post("/jobs", data={"text": "Hi.", "voice_id": ANA})
    assert job.status_code == 400 and wanted in job.json()["detail"]
    assert client.get("/jobs").json()["total"] == 0


def test_a_preview_is_spoken_by_their_model(client: TestClient) -> None:
    heard = client.get(f"/voices/{ANA}/preview", params={"text": "hello there", "language": "en"})
    assert heard.status_code == 200, heard.text
    assert '"model": "tiny-xtts"' in heard.headers["X-Locutor-Recipe"]


@pytest.mark.parametrize("what", ["audio", "peaks"])
def test_they_have_no_recording(client: TestClient, what: str) -> None:
    answer = client.get(f"/voices/{ANA}/{what}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"voice '{ANA}' has no recording: it comes with model 'tiny-xtts'"


@pytest.mark.parametrize("call", [("PATCH", ""), ("DELETE", ""), ("GET", "/export")])
def test_they_cannot_be_changed(client: TestClient, call: tuple[str, str], tmp_path: Path) -> None:
    method, path = call
    body = {"json": {"description": "x"}} if method == "PATCH" else {}
    answer = client.request(method, f"/voices/{ANA}{path}", **body)  # type: ignore[arg-type]
    assert answer.status_code == 409 and "is not of the library and cannot be changed" in answer.json()["detail"]
