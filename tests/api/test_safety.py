"""What a hostile client may try: foreign names and pages, floods, traversal, bombs, odd names, races."""

import json
import pickle
import sqlite3
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locutor.api.files import disposition
from locutor.api.middleware.guard import Buckets

TRAVERSALS = [
    "../locutor.db",
    "..%2flocutor.db",
    "%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "art_/../x",
    "a\\..\\b",
    ".",
]


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8005", "localhost.evil.test", "127.0.0.1.evil.test", "", "[::1"]
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/voices", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1:8005", "[::1]:8005", "192.168.1.7"])
def test_own_names_and_addresses_are_taken(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_names_can_be_added(serve: Any) -> None:
    with serve(allowed_hosts=("studio.lan",)) as found:
        assert found.client.get("/health", headers={"Host": "studio.lan:8005"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:8005"},
        {"Origin": "http://127.0.0.1:8006"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_others_change_nothing(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/jobs", data={"text": "Hello."}, headers=headers).status_code == 403
    assert client.get("/jobs", headers=headers).status_code == 200


def test_the_own_page_does(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1:8005", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/jobs", data={"text": "Hello."}, headers=headers).status_code == 200


def test_cors_is_closed_unless_opened(client: TestClient, serve: Any) -> None:
    asked = {"Origin": "https://app.test", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/jobs", headers=asked).headers
    with serve(cors_origins=("https://app.test",)) as found:
        allowed = found.client.options("/jobs", headers=asked)
        assert allowed.headers["access-control-allow-origin"] == "https://app.test"
        assert "access-control-allow-credentials" not in allowed.headers
        assert (
            found.client.post("/jobs", data={"text": "Hi."}, headers={"Origin": "https://app.test"}).status_code == 200
        )
        assert found.client.post("/jobs", data={"text": "Hi."}, headers={"Origin": "https://b.test"}).status_code == 403


def test_a_foreign_page_may_send_headers_of_its_own_and_read_answers(serve: Any) -> None:
    page = {"Origin": "https://app.test"}
    asked = page | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-stainless-os, x-stainless-retry-count",
    }
    with serve(cors_origins=("https://app.test",)) as found:
        allowed = found.client.options("/v1/audio/speech", headers=asked)
        assert allowed.status_code == 200 and "x-stainless-os" in allowed.headers["access-control-allow-headers"]
        body = {"input": "Hi.", "stream": False}
        shown = found.client.post("/v1/audio/speech", json=body, headers=page).headers
        assert "X-Locutor-Recipe" in shown["access-control-expose-headers"] and "x-locutor-recipe" in shown
        foreign = found.client.options("/v1/audio/speech", headers=asked | {"Host": "evil.test"})
        assert foreign.status_code == 421 and "access-control-allow-origin" not in foreign.headers
        assert found.client.options("/jobs", headers=asked | {"Origin": "https://b.test"}).status_code == 400


def test_a_foreign_page_can_read_why_it_was_refused(serve: Any) -> None:
    page = {"Origin": "https://app.test"}
    with serve(cors_origins=("https://app.test",), requests_per_minute=2, max_upload_mb=1) as found:
        large = found.client.post("/v1/audio/speech", content=b"x" * (2 << 20), headers=page)
        answers = [large, *(found.client.get("/health", headers=page) for _ in range(3))]
        assert [answer.status_code for answer in answers] == [413, 200, 200, 429]
        assert {a.headers["access-control-allow-origin"] for a in answers} == {"https://app.test"}
        assert "X-Request-ID" in large.headers


def test_a_large_body_is_refused_whatever_its_header_says(serve: Any) -> None:
    with serve(max_upload_mb=1) as found:
        big = b"x" * (1 << 20)
        told = found.client.post("/voices/clone", data={"name": "a"}, files={"file": ("a.wav", big + b"y" * 5000)})
        assert told.status_code == 413 and "at most 1048576 are taken" in told.json()["detail"]
        untold = found.client.post(
            "/voices/clone",
            content=iter([b"--x\r\n", *[b"z" * 65_536] * 20]),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert untold.status_code == 413
        json_body = found.client.post("/v1/audio/speech", content=b'{"input": "' + big + b'"}')
        assert json_body.status_code == 413 and "error" in json_body.json()
        assert found.client.get("/jobs", headers={"Content-Length": "many"}).status_code == 400
        assert list((found.context.settings.data_dir / "staging").rglob("art_*")) == []


def test_too_many_requests_are_told_when_to_come_back(serve: Any) -> None:
    with serve(requests_per_minute=3) as found:
        answers = [found.client.get("/health") for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20


def test_buckets_fill_again_and_part_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [100.0]
    monkeypatch.setattr("locutor.api.middleware.guard.time.monotonic", lambda: at[0])
    buckets = Buckets(60)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(1) and buckets.take("b") == 0
    at[0] += 1.01
    assert buckets.take("a") == 0 and buckets.take("a") > 0.9


@pytest.mark.parametrize("path", TRAVERSALS)
def test_ids_are_looked_up_never_opened(client: TestClient, path: str) -> None:
    for place in (
        "/jobs/{}",
        "/jobs/{}/audio",
        "/jobs/{}/download",
        "/voices/{}",
        "/voices/{}/audio",
        "/voices/{}/peaks",
    ):
        answer = client.get(place.format(path))
        assert answer.status_code in (200, 404, 400), (place, answer.status_code)
        assert b"SQLite" not in answer.content and b"root:" not in answer.content
        assert answer.status_code != 200 or answer.headers["content-type"] == "application/json"
    said = client.post("/v1/audio/speech", json={"input": "Hi.", "voice": path, "model": path})
    assert said.status_code == 404
    assert client.post("/jobs", data={"text": "Hi.", "voice_id": path}).status_code == 404


def upload(client: TestClient, name: str, data: bytes) -> Any:
    return client.post("/voices/clone", data={"name": "Mallory"}, files={"file": (name, data, "audio/wav")})


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (pytest.fail, ("a pickle of a client was opened",))


def test_pickles_zips_and_archives_are_no_audio(client: TestClient) -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", b"\0" * (64 << 20))
    for data in (pickle.dumps(Bomb()), bomb.getvalue(), b"SQLite format 3\0" + b"\0" * 4096):
        assert upload(client, "a.wav", data).status_code == 422


def test_headers_that_lie_about_their_length_claim_no_memory(client: TestClient) -> None:
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", 0xFFFFFFF0
    )
    assert upload(client, "a.wav", header + b"\0" * 100).status_code in (202, 422)
    many = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 65535, 8000, 0, 0, 16, b"data", 0)
    assert upload(client, "a.wav", many).status_code == 422


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.d/x.wav", "C:\\x\\y.wav", "a\r\nX-Evil: 1.wav", "<img src=x>.wav", "ção 🎤.wav", "." * 300, ""],
)
def test_names_of_files_are_only_names(service: Any, client: TestClient, speech_file: Path, name: str) -> None:
    before = {path for path in service.context.settings.data_dir.parent.rglob("*") if "artefacts" not in path.parts}
    answer = client.post("/voices/examine", files={"file": (name, speech_file.read_bytes())})
    assert answer.status_code in (200, 422) and "x-evil" not in answer.headers
    after = {path for path in service.context.settings.data_dir.parent.rglob("*") if "artefacts" not in path.parts}
    assert {path.name for path in after - before} <= {"locutor.db-wal", "locutor.db-shm"}


@pytest.mark.parametrize("name", ["Zoë", "李雷", "🎤", "O'Brien; DROP TABLE voices", "<b>x</b>", "a" * 80])
def test_names_of_voices_may_be_any_text(service: Any, client: TestClient, speech_file: Path, name: str) -> None:
    made = service.context.stores.voices.add([_clip(speech_file)], name=name)
    shown = client.get(f"/voices/{made.id}")
    assert shown.json()["name"] == name and shown.headers["content-type"] == "application/json"
    assert client.get(f"/voices/{made.id}/audio").status_code == 200
    assert client.post("/v1/audio/speech", json={"input": "Hi.", "voice": name}).status_code == 200
    assert client.delete(f"/voices/{made.id}").status_code == 200


def _clip(path: Path) -> Any:
    from locutor.voices.library import NewClip

    return NewClip(audio=path)


@given(st.text(max_size=200))
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    header = disposition("attachment", name)
    header.encode("latin-1")
    assert not set("\r\n\0") & set(header) and header.count('"') == 2


@given(st.binary(max_size=300))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_makes_it_stumble(client: TestClient, body: bytes) -> None:
    for path, kind in (("/jobs", "application/x-www-form-urlencoded"), ("/v1/audio/speech", "application/json"),
                       ("/voices/clone", "multipart/form-data; boundary=x"), ("/jobs/batch", "text/csv")):  # fmt: skip
        answer = client.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 404, 415, 422), (path, answer.status_code, answer.text)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "image/png", ""])
def test_the_wrong_content_type_is_refused(client: TestClient, kind: str) -> None:
    body = json.dumps({"input": "Hi.", "voice": "alloy"})
    answer = client.post("/v1/audio/speech", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422


def test_of_many_who_delete_one_thing_one_does(client: TestClient, service: Any) -> None:
    stores = service.context.stores
    for _ in range(5):
        job = stores.jobs.submit("held", {}).id
        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(lambda _, job=job: client.delete(f"/jobs/{job}").status_code, range(8)))
        assert statuses == [200] + [404] * 7


def test_the_database_is_sound_after_all_this(service: Any) -> None:
    path = service.context.settings.data_dir / "locutor.db"
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert service.context.stores.artefacts.sweep() == []
