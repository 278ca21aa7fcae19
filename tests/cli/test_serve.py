"""`locutor serve`, `keys`, `config`, and speaking through a service that commands start themselves."""

import json
import logging
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from locutor.audio import io
from locutor.audio.level import loudness_lufs
from locutor.bootstrap import open_stores
from locutor.local_service import LocalService, forget, look_up, write_down
from locutor.settings import load_settings

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def stopped(home: Path) -> Iterator[None]:
    """Whatever service a test left running ends with it."""
    yield
    service = look_up(home / "data")
    if service is not None:
        os.kill(service.pid, signal.SIGTERM)
        end = time.monotonic() + 60
        while look_up(home / "data") is not None and time.monotonic() < end:
            time.sleep(0.1)


def found(home: Path, process: "subprocess.Popen[bytes]") -> LocalService:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        service = look_up(home / "data")
        if service is not None and service.pid == process.pid:
            return service
        time.sleep(0.05)
    raise AssertionError(process.stderr.read() if process.stderr else "")


def quickest_s(url: str) -> float:
    """Of the answers on a connection that is kept open."""
    times = []
    with httpx.Client(base_url=url) as http:
        for _ in range(20):
            begun = time.perf_counter()
            http.get("/languages")
            times.append(time.perf_counter() - begun)
    return min(times)


@pytest.mark.slow
def test_it_serves_says_where_and_ends_when_told(home: Path, tones: str, start: Start) -> None:
    process = start("serve", "--port", "0", LOCUTOR_MODEL=tones)
    service = found(home, process)
    with urllib.request.urlopen(f"{service.url}/health") as answer:
        assert json.load(answer)["checks"]["database"] == "ok" and service.key is None
    assert quickest_s(service.url) < 0.03, "answers wait for a delayed acknowledgement"
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert look_up(home / "data") is None
    lines = [json.loads(line) for line in log.decode().splitlines() if line.startswith("{")]
    assert {"serving", "request"} <= {line["event"] for line in lines} and b"Traceback" not in log


@pytest.mark.slow
def test_commands_use_a_service_that_asks_for_keys(
    home: Path, tones: str, start: Start, run: Any, stopped: None
) -> None:
    assert run("keys", "create", "me", "--scope", "admin").stdout.startswith("loc_")
    process = start("serve", "--host", "0.0.0.0", "--port", "0", LOCUTOR_MODEL=tones)
    service = found(home, process)
    assert service.key is not None and (home / "data" / "service.json").stat().st_mode & 0o077 == 0
    said = run("say", "Hello.", "--model", tones, "--seed", "1", "--use-service")
    assert said.exit_code == 0, said.output
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert "revoked" in run("keys", "list").stdout  # the key that was only for this machine's commands


@pytest.mark.slow
def test_say_starts_a_service_once_and_hears_the_same(
    home: Path, tones: str, start: Start, run: Any, stopped: None
) -> None:
    stores = open_stores(load_settings())
    stores.profiles.create("tone", "Quiet", {"loudness_lufs": -33.0}, is_default=True)
    stores.close()
    words = ("say", "Good morning, all of you!", "--model", tones, "--seed", "3")
    alone = run(*words, "-o", "a.wav")
    first = start(*words, "-o", "b.wav", "--use-service")
    _, remarks = first.communicate(timeout=240)
    assert alone.exit_code == first.returncode == 0, remarks
    assert b"starting a service" in remarks
    service = look_up(home / "data")
    second = run(*words, "-o", "c.flac", "--use-service")
    assert second.exit_code == 0 and "starting" not in second.stderr and look_up(home / "data") == service
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()
    assert loudness_lufs(io.read("a.wav")) == pytest.approx(-33, abs=0.5), "both speak by the default profile"
    assert (io.read("a.wav").samples == io.read("c.flac").samples).all()
    assert service is not None
    with urllib.request.urlopen(f"{service.url}/health/engines") as answer:
        [loads] = [row["n_loads"] for row in json.load(answer)["engines"] if row["model"] == tones]
    assert loads == 1
    refused = run("say", "Hi.", "--use-service", "--voice", "nobody", "--model", tones)
    assert refused.exit_code == 1 and "no voice is called 'nobody'" in refused.stderr


def test_flags_of_the_service_are_refused(run: Any, refused: Any) -> None:
    assert "--device belongs to the service" in refused(run("say", "Hi.", "--use-service", "--device", "cpu"), 2)
    assert "give both" in refused(run("say", "Hi.", "--use-service", "--ref-text", "x"), 2)
    words = ("infer", "-t", "Hi.", "-r", "a.wav", "--use-service")
    assert "the first time" in refused(run(*words), 2)
    assert "belong together" in refused(run(*words, "-c", "a.pt"), 2)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--host", "0.0.0.0"), 2, "others can reach 0.0.0.0, so an API key is needed"),
        (("--tls-cert", "cert.pem"), 2, "--tls-cert and --tls-key belong together"),
        (("--tls-cert", "cert.pem", "--tls-key", "key.pem"), 1, "cert.pem is not a file"),
        (("--host", "256.0.0.1"), 2, "cannot listen on 256.0.0.1:0"),
        (("--port", "99999"), 2, "setting port cannot be 99999"),
        (("--log-format", "xml"), 2, "setting log_format cannot be 'xml'"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(run: Any, flags: tuple[str, ...], code: int, message: str) -> None:
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        result = run("serve", *(flags if "--port" in flags else ("--port", "0", *flags)))
    finally:
        root.handlers, root.level = before
    assert result.exit_code == code and message in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("voices", "list"), ("keys", "list")])
def test_a_data_folder_that_cannot_be_is_one_sentence(
    run: Any, refused: Any, home: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("LOCUTOR_DATA_DIR", str(home / "file"))
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        told = refused(run(*command), 1)
    finally:
        root.handlers, root.level = before
    assert f"cannot use the data folder {home / 'file'}: " in told and "set LOCUTOR_DATA_DIR" in told


def test_keys_are_made_listed_and_revoked(run: Any, refused: Any) -> None:
    made = run("keys", "create", "laptop", "--scope", "voices", "--scope", "speak", "--days", "2")
    key_id = made.stdout.split("_")[1]
    assert made.exit_code == 0 and "shown only now" in made.stderr and made.stdout.count("\n") == 1
    listed = run("keys", "list").stdout
    assert key_id in listed and "speak, voices" in listed and "valid until" in listed
    assert made.stdout.split("_", 2)[2].strip() not in listed
    assert run("keys", "revoke", key_id).exit_code == 0 and "revoked" in run("keys", "list").stdout
    assert "there is no key 'x'" in refused(run("keys", "revoke", "x"), 1)
    assert "one of speak, voices, train, admin" in refused(run("keys", "create", "a", "--scope", "root"), 2)


def test_config_says_what_holds_and_why(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("locutor.toml").write_text('lang = "pt-BR"\n')
    for name, value in (("LOCUTOR_VOICE", "ana"), ("PORT", "9000"), ("REDIS_URL", "redis://x"), ("LOCUTOR_VIOCE", "b")):
        monkeypatch.setenv(name, value)
    shown = run("config", "show", "--origin")
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line.strip()}
    assert rows["lang"] == ["pt-BR", "locutor.toml"] and rows["voice"] == ["ana", "LOCUTOR_VOICE"]
    assert rows["port"] == ["9000", "PORT"] and rows["host"] == ["127.0.0.1", "default"]
    assert "REDIS_URL is not read" in shown.stderr and "LOCUTOR_VIOCE is no setting" in shown.stderr
    assert "LOCUTOR_VOICE" not in run("config", "show").stdout


def test_the_note_of_where_a_service_is_survives_nonsense(home: Path) -> None:
    folder = home / "data"
    folder.mkdir(exist_ok=True)
    assert look_up(folder) is None
    for nonsense in ("", "[]", '{"url": 1}', "\x00"):
        (folder / "service.json").write_text(nonsense)
        assert look_up(folder) is None
    service = LocalService("http://127.0.0.1:1", 7, "loc_a_b")
    write_down(folder, service)
    assert look_up(folder) == service
    forget(folder, 8)
    assert look_up(folder) == service
    forget(folder, 7)
    assert look_up(folder) is None
