"""Every setting changes what the installation does, not only what is printed of it."""

import contextlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from locutor.api.app import limits_of
from locutor.api.logs import set_up_logs
from locutor.bootstrap import checkpoint_store, lexicon, local_speech, open_stores
from locutor.cli import edge, serve
from locutor.errors import LocutorError, OptionError
from locutor.runs.open import run_tasks
from locutor.settings import Settings, load_settings


@pytest.fixture
def make(tmp_path: Path, serve: Any) -> Callable[..., Settings]:
    """make(name=value) -> settings of the folder tmp_path, in which the quick engine's model is installed."""
    with serve():
        pass
    return lambda **more: load_settings(**{"data_dir": tmp_path, "model": "tones"} | more)


def submitted(serve: Any, **more: Any) -> dict[str, Any]:
    with serve(**more) as found:
        job: dict[str, Any] = found.client.post("/jobs", data={"text": "Hello."}).json()
        found.client.get(f"/jobs/{job['id']}/download", params={"timeout": 120})
        return dict(found.client.get(f"/jobs/{job['id']}").json())


def data_dir(make: Any, serve: Any, tmp_path: Path, **_: Any) -> None:
    open_stores(make(data_dir=tmp_path / "elsewhere")).close()
    assert (tmp_path / "elsewhere" / "locutor.db").is_file()


def device(make: Any, **_: Any) -> None:
    with pytest.raises(OptionError, match="cuda:97"):
        local_speech(make(device="cuda:97"))


def threads(make: Any, **_: Any) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        local_speech(make(threads=3))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def offline(make: Any, **_: Any) -> None:
    with pytest.raises(OptionError, match="offline is set"):
        checkpoint_store(make(offline=True)).pull("vocos-mel-24khz", licence_accepted=True)


def hub_url(make: Any, hub: Any, **_: Any) -> None:
    with pytest.raises(LocutorError):
        checkpoint_store(make(hub_url=hub.url)).pull("vocos-mel-24khz", licence_accepted=True)
    assert hub.requests and "vocos-mel-24khz" in hub.requests[0][0]


def mlflow_url(make: Any, **_: Any) -> None:
    settings = make(mlflow_url="http://127.0.0.1:9")
    stores = open_stores(settings)
    environ = run_tasks(settings, stores).environ  # of the process that trains
    stores.close()
    assert environ["LOCUTOR_MLFLOW_URL"] == "http://127.0.0.1:9"


def model(serve: Any, **_: Any) -> None:
    with serve(model="builtin") as found:
        assert found.client.get("/v1/models/tts-1").json()["alias_of"] == "builtin"


def voice(make: Any, serve: Any, speech_file: Path, **_: Any) -> None:
    from locutor.voices.library import NewClip

    stores = open_stores(make())
    ana = stores.voices.add([NewClip(audio=speech_file)], name="Ana").id
    stores.close()
    assert submitted(serve, voice="Ana")["recipe"]["voice"] == ana


def lang(serve: Any, **_: Any) -> None:
    assert submitted(serve, lang="pt-BR")["recipe"]["language"] == "pt-BR"


def a_lexicon(make: Any, tmp_path: Path, **_: Any) -> None:
    (tmp_path / "lexicon.txt").write_text("Locutor = low cutter [en]\n")
    assert lexicon(make()) is None
    found = lexicon(make(lexicon=tmp_path / "lexicon.txt"))
    assert found is not None and found.apply("Locutor", "en") == "low cutter"


def debug(monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    assert not edge._debug()
    monkeypatch.setenv("LOCUTOR_DEBUG", "1")
    assert edge._debug()


def host(serve: Any, **_: Any) -> None:
    with pytest.raises(OptionError, match="0.0.0.0"), serve(host="0.0.0.0"):
        raise AssertionError("it serves")


def port(make: Any, **_: Any) -> None:
    with contextlib.closing(serve._bind(make(port=0))) as bound:
        number = bound.getsockname()[1]
    with contextlib.closing(serve._bind(make(port=number))) as bound:
        assert bound.getsockname()[1] == number


def tls(make: Any, serve: Any, tmp_path: Path, **_: Any) -> None:
    pair = {"tls_cert": tmp_path / "c.pem", "tls_key": tmp_path / "k.pem"}
    with serve(**pair) as found:
        assert "Strict-Transport-Security" in found.client.get("/health").headers


def allowed_hosts(serve: Any, **_: Any) -> None:
    with serve(allowed_hosts=("studio.lan",)) as found:
        assert found.client.get("/health", headers={"Host": "studio.lan"}).status_code == 200


def cors_origins(serve: Any, **_: Any) -> None:
    with serve(cors_origins=("https://app.test",)) as found:
        assert (
            "access-control-allow-origin" in found.client.get("/health", headers={"Origin": "https://app.test"}).headers
        )


def session_hours(serve: Any, tmp_path: Path, **_: Any) -> None:
    from locutor.auth.keys import KeyStore
    from locutor.storage.database import DATABASE_NAME, Database

    database = Database(tmp_path / DATABASE_NAME)
    _, key = KeyStore(database).create("a", ["speak"])
    database.close()
    with serve(host="0.0.0.0", session_hours=2) as found:
        assert "Max-Age=7200" in found.client.post("/auth/login", json={"key": key}).headers["set-cookie"]


def requests_per_minute(serve: Any, **_: Any) -> None:
    with serve(requests_per_minute=1) as found:
        assert [found.client.get("/health").status_code for _ in range(2)] == [200, 429]


def max_upload_mb(serve: Any, **_: Any) -> None:
    with serve(max_upload_mb=1) as found:
        file = {"file": ("a.wav", b"x" * (1 << 20))}
        assert found.client.post("/voices/examine", files=file).status_code == 413


def max_text_chars(serve: Any, **_: Any) -> None:
    with serve(max_text_chars=5) as found:
        assert found.client.post("/jobs", data={"text": "Hello."}).status_code == 422


def limits(make: Any, **_: Any) -> None:
    more = {"max_waiting": 2, "timeout_minutes": 3, "low_vram": True, "memory_mb": 5, "unload_minutes": 7}
    found, plain = limits_of(make(**more)), limits_of(make())
    assert (found.max_waiting, found.timeout_s, found.low_vram) == (2, 180, True) and not plain.low_vram
    assert (found.memory_bytes, found.idle_ttl_s) == (5 << 20, 420) and plain.memory_bytes is None


def jobs_at_once(serve: Any, **_: Any) -> None:
    import threading

    with serve(jobs_at_once=3):
        assert sum(thread.name.startswith("jobs-speech-") for thread in threading.enumerate()) == 3


def job_ttl_hours(serve: Any, **_: Any) -> None:
    from datetime import datetime

    job = submitted(serve, job_ttl_hours=2)
    kept = datetime.fromisoformat(job["expires_at"]) - datetime.fromisoformat(job["completed_at"])
    assert kept.total_seconds() == pytest.approx(7200)


def cleanup_minutes(serve: Any, **_: Any) -> None:
    with serve(cleanup_minutes=0.001) as found:
        jobs = found.context.stores.jobs
        jobs.cancel(jobs.submit("held", {}, ttl_s=0.0).id)
        end = time.monotonic() + 60
        while jobs.count() and time.monotonic() < end:
            time.sleep(0.05)
        assert jobs.count() == 0


def logs(capsys: pytest.CaptureFixture[str], **_: Any) -> None:
    root, library = logging.getLogger(), logging.getLogger("locutor")
    before = root.handlers, root.level, library.handlers, library.level
    configured = structlog.get_config()
    try:
        set_up_logs("warning", "json")
        structlog.get_logger("locutor.test").info("quiet")
        structlog.get_logger("locutor.test").warning("loud", number=7)
        logging.getLogger("locutor.other").warning("from the library: %s", "x")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert [line["event"] for line in lines] == ["loud", "from the library: x"] and lines[0]["number"] == 7
        secret = "loc_0_secret"
        for format in ("json", "console"):
            set_up_logs("info", format)
            try:
                raise KeyError(len(secret))
            except KeyError:
                structlog.get_logger("locutor.test").exception("failed")
            shown = capsys.readouterr().err
            assert (
                "KeyError: 12" in shown
                and "Traceback" in shown
                and "loc_0_secret" not in shown.replace('secret = "loc_0_secret"', "")
            )
        set_up_logs("info", "console")
        structlog.get_logger("locutor.test").info("for people")
        assert "for people" in capsys.readouterr().err
    finally:
        structlog.configure(**configured)
        root.handlers, library.handlers = before[::2]
        root.setLevel(before[1])  # unlike setting `level`, it makes loggers forget what they found enabled
        library.setLevel(before[3])


def webui(serve: Any, **_: Any) -> None:
    with serve(webui=False) as found:
        assert "webui" not in found.client.get("/").json()["links"]


EFFECTS: dict[str, Callable[..., None]] = {
    "data_dir": data_dir,
    "device": device,
    "threads": threads,
    "offline": offline,
    "model": model,
    "voice": voice,
    "lang": lang,
    "lexicon": a_lexicon,
    "hub_url": hub_url,
    "mlflow_url": mlflow_url,
    "debug": debug,
    "host": host,
    "port": port,
    "tls_cert": tls,
    "tls_key": tls,
    "allowed_hosts": allowed_hosts,
    "cors_origins": cors_origins,
    "session_hours": session_hours,
    "requests_per_minute": requests_per_minute,
    "max_upload_mb": max_upload_mb,
    "max_text_chars": max_text_chars,
    "max_waiting": limits,
    "timeout_minutes": limits,
    "low_vram": limits,
    "memory_mb": limits,
    "unload_minutes": limits,
    "jobs_at_once": jobs_at_once,
    "job_ttl_hours": job_ttl_hours,
    "cleanup_minutes": cleanup_minutes,
    "log_level": logs,
    "log_format": logs,
    "webui": webui,
}


def test_every_setting_has_an_effect() -> None:
    assert set(EFFECTS) == set(Settings.model_fields)


@pytest.mark.parametrize("effect", dict.fromkeys(EFFECTS.values()), ids=lambda effect: effect.__name__)
def test_a_setting_changes_something(
    effect: Callable[..., None],
    make: Any,
    serve: Any,
    hub: Any,
    tmp_path: Path,
    speech_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    effect(
        make=make, serve=serve, hub=hub, tmp_path=tmp_path, speech_file=speech_file,
        monkeypatch=monkeypatch, capsys=capsys,
    )  # fmt: skip
