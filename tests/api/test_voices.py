"""The voice library over HTTP."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from locutor.audio import io
from locutor.types import Waveform

Ended = Callable[[str], dict[str, Any]]


@pytest.fixture
def ended(client: TestClient) -> Ended:
    def wait(job_id: str) -> dict[str, Any]:
        end = time.monotonic() + 120
        while (job := client.get(f"/jobs/{job_id}").json())["status"] in ("queued", "processing"):
            assert time.monotonic() < end, job
            time.sleep(0.05)
        found: dict[str, Any] = job
        return found

    return wait


def clone(client: TestClient, path: Path, name: str, **form: str) -> Any:
    with path.open("rb") as file:
        return client.post("/voices/clone", data={"name": name, **form}, files={"file": (path.name, file, "audio/wav")})


@pytest.fixture
def ana(client: TestClient, ended: Ended, speech_file: Path) -> Any:
    """A voice of the library, gone after the test."""
    form = {"language": "pt", "ref_text": "What is said.", "consent": "granted", "consent_by": "Ana herself"}
    started = clone(client, speech_file, "Ana", description="warm", **form)
    assert started.status_code == 202 and started.json()["poll_url"] == f"/jobs/{started.json()['job_id']}"
    job = ended(started.json()["job_id"])
    assert job["status"] == "completed" and job["mode"] == "clone_voice", job
    yield job["voice_id"]
    client.delete(f"/voices/{job['voice_id']}")


def test_a_clone_is_listed_with_what_the_doctor_found(client: TestClient, ana: str) -> None:
    voice = client.get(f"/voices/{ana}").json()
    assert voice["name"] == "Ana" and voice["language"] == "pt-BR" and voice["kind"] == "library"
    assert voice["ref_text"] == "What is said." and voice["has_transcript"] and voice["description"] == "warm"
    assert voice["duration"] == pytest.approx(7.6, abs=0.01) and voice["report"]["snr_db"] > 10
    assert voice["consent"]["permission"] == "granted" and voice["consent"]["given_by"] == "Ana herself"
    page = client.get("/voices").json()
    assert [v["id"] for v in page["voices"]] == ["default", ana] and page["total"] == 2
    assert [v["id"] for v in client.get("/voices", params={"language": "pt-BR"}).json()["voices"]] == [ana]


def test_it_speaks_and_is_counted(client: TestClient, ended: Ended, ana: str) -> None:
    form = {"text": "Bom dia!", "mode": "dubbing_with_clone", "voice_id": ana, "target_language": "pt-BR"}
    job = ended(client.post("/jobs", data=form).json()["id"])
    assert job["status"] == "completed" and job["voice_id"] == ana and job["recipe"]["voice"] == ana
    preview = client.get(f"/voices/{ana}/preview")
    assert preview.status_code == 200 and io.decode(preview.content).duration_s > 0.5


def test_its_recording_can_be_played_and_drawn(client: TestClient, ana: str, speech_file: Path) -> None:
    whole = client.get(f"/voices/{ana}/audio")
    assert whole.headers["content-type"] == "audio/flac"
    assert io.decode(whole.content).n_samples == io.read(speech_file).n_samples
    part = client.get(f"/voices/{ana}/audio", headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and part.content == b"fLaC"
    assert client.get(f"/voices/{ana}/peaks", params={"n": 200}).json()["n"] == 200


def test_it_can_be_changed(client: TestClient, ana: str) -> None:
    change = {"name": "Ana Lúcia", "ref_text": "Other words.", "consent": {"permission": "own", "given_by": "me"}}
    changed = client.patch(f"/voices/{ana}", json=change).json()
    assert changed["name"] == "Ana Lúcia" and changed["ref_text"] == "Other words." and changed["description"] == "warm"
    assert changed["consent"]["permission"] == "own"
    assert client.patch(f"/voices/{ana}", json={"nmae": "x"}).status_code == 422
    assert client.patch(f"/voices/{ana}", json={"language": "xx"}).status_code == 400
    assert client.patch(f"/voices/{ana}", json={"name": "a[b]"}).status_code == 400


def test_names_are_unique(client: TestClient, ana: str, speech_file: Path) -> None:
    assert clone(client, speech_file, "ana").status_code == 409
    assert clone(client, speech_file, "default").status_code == 409
    assert client.patch(f"/voices/{ana}", json={"name": "Default"}).status_code == 409


def test_presets_cannot_be_changed(client: TestClient) -> None:
    assert client.delete("/voices/default").status_code == 409
    assert client.patch("/voices/default", json={"name": "x"}).status_code == 409


def test_deleting_takes_the_recording_along(service: Any, client: TestClient, ana: str) -> None:
    artefacts = service.context.stores.artefacts
    assert artefacts.owned_by(f"voice:{ana}")
    assert client.delete(f"/voices/{ana}").json() == {"message": "deleted", "voice_id": ana}
    assert artefacts.owned_by(f"voice:{ana}") == []
    assert client.get(f"/voices/{ana}").status_code == 404 and client.delete(f"/voices/{ana}").status_code == 404


def test_several_recordings_make_one_voice(client: TestClient, ended: Ended, speech_file: Path) -> None:
    data = speech_file.read_bytes()
    files = [("file", ("1.wav", data)), ("file", ("2.wav", data))]
    job = ended(client.post("/voices/clone", data={"name": "Two"}, files=files).json()["job_id"])
    voice = client.get(f"/voices/{job['voice_id']}").json()
    assert voice["n_clips"] == 2 and voice["duration"] > 15.2
    together = client.post("/voices/clone", data={"name": "Three", "ref_text": "x"}, files=files)
    assert together.status_code == 400 and "ref_text belongs to one recording" in together.json()["detail"]
    client.delete(f"/voices/{job['voice_id']}")


def test_a_blend_is_a_voice(client: TestClient, ana: str) -> None:
    body = {"name": "Mix", "parts": [{"voice": "default", "weight": 3}, {"voice": "Ana", "weight": 1}]}
    mixed = client.post("/voices/blend", json=body)
    assert mixed.status_code == 201, mixed.text
    assert [part["weight"] for part in mixed.json()["blend"]] == [0.75, 0.25]
    assert client.delete(f"/voices/{ana}").status_code == 409  # it is part of the blend
    twice = [{"voice": "default"}, {"voice": "default"}]
    assert client.post("/voices/blend", json={"name": "Twice", "parts": twice}).status_code == 400
    assert client.delete(f"/voices/{mixed.json()['id']}").status_code == 200


def examine(client: TestClient, name: str, data: bytes) -> Any:
    return client.post("/voices/examine", files={"file": (name, data)})


def test_the_doctor_tells_numbers_or_the_reason(client: TestClient, speech_file: Path, silence: Path) -> None:
    good = examine(client, "ana.wav", speech_file.read_bytes()).json()
    assert good["usable"] and good["problem"] is None and good["duration_s"] == pytest.approx(7.6, abs=0.01)
    bad = examine(client, "s.wav", silence.read_bytes()).json()
    assert not bad["usable"] and "silent" in bad["problem"]


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.wav", b"RIFF but not really"), ("a.mp3", b"\x00" * 5000), ("page.html", b"<script>alert(1)</script>")],
)
def test_what_is_no_audio_is_refused_at_once(client: TestClient, tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    answer = clone(client, path, "Nobody")
    assert answer.status_code == 422 and answer.json()["detail"].startswith(f"{name} is not an audio file")
    assert str(tmp_path) not in answer.text and "staging" not in answer.text


def test_an_empty_file_and_none_are_refused(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    assert clone(client, tmp_path / "empty.wav", "Nobody").status_code == 422
    assert client.post("/voices/clone", data={"name": "Nobody"}).status_code == 422


def test_too_short_and_silent_recordings_fail_with_the_reason(
    client: TestClient, ended: Ended, tmp_path: Path, silence: Path, speech_file: Path
) -> None:
    short = io.read(speech_file)
    io.write(tmp_path / "short.wav", Waveform(short.samples[: 2 * short.sample_rate], short.sample_rate))
    for path, reason in ((tmp_path / "short.wav", "at least 3 s"), (silence, "silent")):
        job = ended(clone(client, path, "Nobody").json()["job_id"])
        assert job["status"] == "failed" and reason in job["error_message"] and str(tmp_path) not in str(job)


def test_a_recording_of_hours_is_refused_by_its_header(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "hours.flac"
    io.write(path, Waveform(np.zeros(11 * 60 * 8000, np.float32), 8000))
    assert path.stat().st_size < 400_000
    answer = clone(client, path, "Nobody")
    assert answer.status_code == 422 and "hours.flac lasts 660 s; at most 600 s" in answer.json()["detail"]


def test_the_uploads_go_with_the_job(service: Any, client: TestClient, ended: Ended, silence: Path) -> None:
    artefacts = service.context.stores.artefacts
    job = ended(clone(client, silence, "Nobody").json()["job_id"])
    assert len(artefacts.owned_by(f"job:{job['id']}")) == 1
    assert client.delete(f"/jobs/{job['id']}").json()["files_deleted"] == 1
    assert artefacts.owned_by(f"job:{job['id']}") == []


def test_consent_names_who_gives_it(client: TestClient, speech_file: Path) -> None:
    assert clone(client, speech_file, "Nobody", consent="granted").status_code == 400
    assert clone(client, speech_file, "Nobody", consent="whatever", consent_by="me").status_code == 422
    assert clone(client, speech_file, "Nobody", tts_engine="rvc").status_code == 400


def test_speech_with_a_recording_of_the_request(client: TestClient, speech_file: Path) -> None:
    files = {"speaker_wav": ("ana.wav", speech_file.read_bytes())}
    form = {"text": "Good morning!", "language": "en", "quality_profile": "plain", "seed": "3"}
    answer = client.post("/synthesize-direct", data=form, files=files)
    assert answer.status_code == 200 and answer.headers["content-type"] == "audio/wav"
    assert io.decode(answer.content).duration_s > 0.1 and '"seed": 3' in answer.headers["X-Locutor-Recipe"]
    assert client.post("/synthesize-direct", data=form, files={"speaker_wav": ("x.wav", b"nope")}).status_code == 422
    assert client.post("/synthesize-direct", data=form).status_code == 422
    flac = client.post("/synthesize-direct", data=form | {"format": "flac"}, files=files)
    assert flac.content.startswith(b"fLaC")


def test_a_bundle_carries_a_voice_from_one_installation_to_another(client: TestClient, ana: str) -> None:
    bundle = client.get(f"/voices/{ana}/export")
    assert (
        bundle.headers["content-type"] == "application/zip" and "Ana.voice.zip" in bundle.headers["content-disposition"]
    )
    files = {"file": ("Ana.voice.zip", bundle.content)}
    assert client.post("/voices/import", files=files).status_code == 409  # the name is taken here
    other = client.post("/voices/import", files=files, data={"name": "Ana 2"})
    assert other.status_code == 201 and other.json()["consent"] == client.get(f"/voices/{ana}").json()["consent"]
    assert other.json()["ref_text"] == "What is said." and other.json()["id"] != ana
    assert client.post("/voices/import", files={"file": ("x.zip", b"PK nonsense")}).status_code == 400
    assert client.get("/voices/default/export").status_code == 409
    client.delete(f"/voices/{other.json()['id']}")
