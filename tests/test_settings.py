"""Every setting changes something, and the sources win in the promised order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.errors import NotFoundError, OptionError
from locutor.settings import Settings, load_settings, unknown_variables, user_data_dir


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith("LOCUTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


CASES = {
    "data_dir": ("/srv/voices", Path("/srv/voices")),
    "device": ("cuda:1", "cuda:1"),
    "threads": ("3", 3),
    "offline": ("1", True),
    "model": ("f5tts-base", "f5tts-base"),
    "voice": ("ana", "ana"),
    "lang": ("pt-BR", "pt-BR"),
    "lexicon": ("/srv/lexicon.yaml", Path("/srv/lexicon.yaml")),
    "hub_url": ("http://mirror.test", "http://mirror.test"),
    "mlflow_url": ("http://mlflow.test:5000", "http://mlflow.test:5000"),
    "debug": ("true", True),
    "host": ("::1", "::1"),
    "port": ("3", 3),
    "tls_cert": ("/srv/cert.pem", Path("/srv/cert.pem")),
    "tls_key": ("/srv/key.pem", Path("/srv/key.pem")),
    "allowed_hosts": ("studio.lan, a.test", ("studio.lan", "a.test")),
    "cors_origins": ("https://a.test", ("https://a.test",)),
    "session_hours": ("3", 3),
    "requests_per_minute": ("3", 3),
    "max_upload_mb": ("3", 3),
    "max_text_chars": ("3", 3),
    "max_waiting": ("3", 3),
    "timeout_minutes": ("3", 3),
    "jobs_at_once": ("3", 3),
    "low_vram": ("true", True),
    "memory_mb": ("3", 3),
    "unload_minutes": ("3", 3),
    "job_ttl_hours": ("3", 3),
    "cleanup_minutes": ("3", 3),
    "log_level": ("ERROR", "error"),
    "log_format": ("console", "console"),
    "webui": ("false", False),
}


def test_every_setting_has_a_case() -> None:
    assert set(CASES) == set(Settings.model_fields)


@pytest.mark.parametrize("name", CASES)
def test_a_variable_sets_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, value = CASES[name]
    assert getattr(load_settings(), name) != value
    monkeypatch.setenv(f"LOCUTOR_{name.upper()}", raw)
    assert getattr(load_settings(), name) == value


@pytest.mark.parametrize("name", CASES)
def test_the_file_sets_it(name: str) -> None:
    raw, value = CASES[name]
    Path("locutor.toml").write_text(f"{name} = {raw if raw in ('true', 'false', '3') else repr(raw)}\n")
    assert getattr(load_settings(), name) == value


def test_flags_beat_variables_beat_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().voice == "default"
    Path("locutor.toml").write_text('voice = "from-file"\nlang = "pt-BR"\n')
    assert load_settings().voice == "from-file"
    monkeypatch.setenv("LOCUTOR_VOICE", "from-env")
    assert load_settings().voice == "from-env"
    assert load_settings(voice="from-flag").voice == "from-flag"
    assert load_settings(voice=None).voice == "from-env"
    assert load_settings().lang == "pt-BR"


def test_config_variable_names_another_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("locutor.toml").write_text('voice = "here"\n')
    (tmp_path / "other.toml").write_text('voice = "there"\n')
    monkeypatch.setenv("LOCUTOR_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().voice == "there"
    monkeypatch.setenv("LOCUTOR_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(NotFoundError, match="absent.toml, which is not a file"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "unknown setting 'colour'; settings are data_dir, device"),
        ("threads = 0", "setting threads cannot be 0: "),
        ('threads = "many"', "setting threads cannot be 'many': "),
        ('hub_url = "ftp://x"', "setting hub_url cannot be 'ftp://x'"),
        ("voice = ", "locutor.toml is not valid TOML"),
    ],
)
def test_a_bad_file_is_one_sentence(text: str, message: str) -> None:
    Path("locutor.toml").write_text(text)
    with pytest.raises(OptionError) as caught:
        load_settings()
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_misspelt_variables_are_found() -> None:
    environ = {"LOCUTOR_VOICE": "a", "LOCUTOR_CONFIG": "b", "LOCUTOR_VIOCE": "c", "HOME": "/"}
    assert unknown_variables(environ) == ["LOCUTOR_VIOCE"]


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, "/home/ana/.local/share/locutor"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/locutor"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/ana/Library/Application Support/locutor"),
        ("win32", {"LOCALAPPDATA": "/appdata"}, "/appdata/locutor"),
        ("win32", {}, "/home/ana/AppData/Local/locutor"),
    ],
)
def test_data_dir_of_each_system(platform: str, environ: dict[str, str], expected: str) -> None:
    assert user_data_dir(platform, environ, Path("/home/ana")) == Path(expected)


@given(st.text(max_size=40))
def test_any_toml_either_loads_or_is_refused_in_one_way(text: str) -> None:
    Path("locutor.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert load_settings().model
    except OptionError as error:
        assert str(error)


def test_reading_settings_imports_no_torch() -> None:
    code = "import sys; from locutor.settings import load_settings; load_settings(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
