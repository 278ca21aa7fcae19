"""The variables of the program before: read, warned of, and never in the way of our own."""

from pathlib import Path

import pytest

from locutor.errors import OptionError
from locutor.legacy import REMOVED, RENAMED, load_server_settings
from locutor.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [n for n in os.environ if n.startswith("LOCUTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("old", RENAMED)
def test_a_renamed_variable_is_read_and_named(old: str) -> None:
    value = {"LOG_LEVEL": "ERROR", "LOW_VRAM": "true"}.get(old, "7")
    loaded = load_server_settings({old: value})
    new = RENAMED[old]
    assert new in Settings.model_fields and getattr(loaded.settings, new) != getattr(load_settings(), new)
    assert loaded.origins[new] == old
    assert loaded.warnings == (f"{old} is called LOCUTOR_{new.upper()} here; it is read for now",)


def test_several_are_read_together() -> None:
    loaded = load_server_settings({"PORT": "9000", "LOW_VRAM": "1", "MAX_FILE_SIZE_MB": "5"}, model="tones")
    found = loaded.settings
    assert (found.port, found.low_vram, found.max_upload_mb, found.model) == (9000, True, 5, "tones")
    assert loaded.origins["model"] == "--model"


def test_our_own_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTOR_PORT", "8001")
    loaded = load_server_settings({"PORT": "9000", "LOCUTOR_PORT": "8001"})
    assert loaded.settings.port == 8001 and loaded.origins["port"] == "LOCUTOR_PORT"
    assert loaded.warnings == ("PORT is not read, since LOCUTOR_PORT, the file or a flag sets it",)
    assert load_server_settings({"PORT": "9000"}, port=8002).settings.port == 8002


def test_the_file_comes_before_them() -> None:
    Path("locutor.toml").write_text("port = 8003\n")
    loaded = load_server_settings({"PORT": "9000"})
    assert loaded.settings.port == 8003 and loaded.origins["port"] == "locutor.toml"


def test_a_wrong_value_names_the_old_variable() -> None:
    with pytest.raises(OptionError, match="the variable PORT: setting port cannot be 'tcp://10.0.0.1:80'"):
        load_server_settings({"PORT": "tcp://10.0.0.1:80"})


@pytest.mark.parametrize("old", REMOVED)
def test_a_removed_variable_is_warned_of(old: str) -> None:
    loaded = load_server_settings({old: "1"})
    assert loaded.warnings == (f"{old} is not read: {REMOVED[old]}",)
    assert loaded.settings == load_settings()
