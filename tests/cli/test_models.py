"""`locutor models` against a hub on this machine."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

WEIGHTS = b"weights " * 4000


@pytest.fixture
def tiny(hub: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LOCUTOR_HUB_URL", hub.url)
    hub.put("acme/tiny/resolve/main/tiny.bin", WEIGHTS)
    add_card(home)
    return "tiny"


def add_card(home: Path, **changes: Any) -> None:
    folder = home / "data" / "models" / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    card = {
        "id": "tiny",
        "engine": "f5",
        "title": "Tiny",
        "languages": ["en"],
        "licence": "CC-BY-NC-4.0",
        "licence_url": "https://creativecommons.org/licenses/by-nc/4.0/",
        "commercial_use": False,
        "source": "acme/tiny",
        "files": [{"role": "model", "path": "tiny.bin"}],
    }
    (folder / "card.yaml").write_text(yaml.safe_dump(card | changes))


def test_list(run: Any, tiny: str) -> None:
    lines = run("models", "list").stdout.splitlines()
    rows = {line.split()[0]: line for line in lines[1:]}
    assert {"builtin", "f5tts-v1-base", "f5tts-base", "vocos-mel-24khz", "tiny"} <= set(rows)
    assert "Apache-2.0" in rows["builtin"] and rows["builtin"].rstrip().endswith("bundled")
    assert "CC-BY-NC-4.0" in rows["f5tts-base"] and rows["f5tts-base"].rstrip().endswith("no")


def test_pull_info_remove(run: Any, tiny: str, home: Path) -> None:
    assert "locutor models pull tiny" in run("models", "info", "tiny").stdout
    pulled = run("models", "pull", "tiny", "--accept-licence")
    assert pulled.exit_code == 0 and pulled.stdout == ""
    assert "recorded at first use: no published hash to compare with" in pulled.stderr
    assert (home / "data/models/tiny/tiny.bin").read_bytes() == WEIGHTS
    info = run("models", "info", "tiny").stdout
    assert "CC-BY-NC-4.0 https://" in info and "commercial use  no" in info and "sha256" in info
    again = run("models", "pull", "tiny", "--accept-licence")
    assert again.exit_code == 0 and "(checked)" in again.stderr
    assert run("models", "remove", "tiny").exit_code == 0
    assert not (home / "data/models/tiny").exists()


def test_the_licence_is_shown_and_must_be_accepted(run: Any, tiny: str, hub: Any) -> None:
    result = run("models", "pull", "tiny")
    assert result.exit_code == 2 and hub.requests == []
    shown, error = result.stderr.splitlines()
    assert shown.startswith("tiny: CC-BY-NC-4.0, NO COMMERCIAL USE https://")
    assert error == "error: model 'tiny' is under CC-BY-NC-4.0; accept it with --accept-licence"


@pytest.mark.parametrize("answer", ["y", "n"])
def test_at_a_terminal_it_asks(start: Any, tiny: str, hub: Any, home: Path, answer: str) -> None:
    ours, theirs = os.openpty()
    process = start("models", "pull", "tiny", stdin=theirs)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    _, err = process.communicate(timeout=60)
    os.close(ours)
    assert b"tiny: CC-BY-NC-4.0, NO COMMERCIAL USE" in err and b"Do you accept?" in err
    assert process.returncode == (0 if answer == "y" else 2)
    assert (home / "data/models/tiny/tiny.bin").exists() == bool(hub.requests) == (answer == "y")


@pytest.mark.parametrize(
    ("licence", "agreed", "pulled"), [("CPML", "1", True), ("CPML", "0", False), ("CC-BY-NC-4.0", "1", False)]
)
def test_who_agreed_for_coqui_tts_is_not_asked_again(
    run: Any, tiny: str, home: Path, monkeypatch: pytest.MonkeyPatch, licence: str, agreed: str, pulled: bool
) -> None:
    add_card(home, licence=licence, licence_url="https://tts-hub.github.io/cpml")
    monkeypatch.setenv("COQUI_TOS_AGREED", agreed)
    result = run("models", "pull", "tiny")
    assert (result.exit_code == 0) == (home / "data/models/tiny/tiny.bin").exists() == pulled
    assert f"tiny: {licence}, NO COMMERCIAL USE https://tts-hub.github.io/cpml" in result.stderr
    assert ("accepted by COQUI_TOS_AGREED=1" in result.stderr) == pulled


def test_from_a_folder(run: Any, tiny: str, hub: Any, home: Path, refused: Any) -> None:
    assert refused(run("models", "pull", "tiny", "--accept-licence", "--from", "gone"), 1) == "gone is not a folder"
    (home / "shelf").mkdir()
    (home / "shelf" / "tiny.bin").write_bytes(WEIGHTS)
    assert run("models", "pull", "tiny", "--accept-licence", "--from", "shelf").exit_code == 0
    assert hub.requests == [] and (home / "data/models/tiny/tiny.bin").exists()


def test_offline(run: Any, tiny: str, hub: Any, refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTOR_OFFLINE", "1")
    message = refused(run("models", "pull", "tiny", "--accept-licence"), 2)
    assert message.endswith("offline is set; use --from FOLDER") and hub.requests == []


def test_wrong_hash(run: Any, tiny: str, home: Path, refused: Any) -> None:
    add_card(home, files=[{"role": "model", "path": "tiny.bin", "sha256": "0" * 64}])
    message = refused(run("models", "pull", "tiny", "--accept-licence"), 1)
    assert "as published; it was not kept" in message
    assert [p.name for p in (home / "data/models/tiny").iterdir()] == ["card.yaml"]


def test_no_hub(run: Any, tiny: str, home: Path, refused: Any) -> None:
    add_card(home, files=[{"role": "model", "path": "absent.bin"}])
    assert refused(run("models", "pull", "tiny", "--accept-licence"), 1).endswith("absent.bin answered 404 Not Found")


@pytest.mark.parametrize("action", ["pull", "remove"])
def test_the_built_in_model_stays(run: Any, refused: Any, action: str) -> None:
    assert "comes with the package" in refused(run("models", action, "builtin"), 2)


@pytest.mark.parametrize("action", ["info", "pull", "remove"])
def test_unknown_model(run: Any, refused: Any, action: str) -> None:
    assert refused(run("models", action, "bultin"), 1).startswith("no model is called 'bultin'; models are builtin, ")


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_downloaded(start: Any, hub: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub sends half of the file and then stalls; after Ctrl-C the next pull asks for the rest only."""
    monkeypatch.setenv("LOCUTOR_HUB_URL", hub.url)
    big = bytes(range(256)) * 20_000
    hub.put("acme/tiny/resolve/main/tiny.bin", big)
    add_card(home)
    hub.stall_after = len(big) // 2
    process = start("models", "pull", "tiny", "--accept-licence")
    part = home / "data/models/tiny/tiny.bin.part"
    hub.stalled.wait(30)
    while not part.exists() or part.stat().st_size == 0:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    hub.stall_after = None
    hub.go_on.set()
    assert process.returncode == 130 and b"Traceback" not in err
    kept = part.stat().st_size
    assert 0 < kept <= len(big) // 2 and not part.with_suffix("").exists()
    again = start("models", "pull", "tiny", "--accept-licence")
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert hub.requests[-1][1] == f"bytes={kept}-"
    assert (home / "data/models/tiny/tiny.bin").read_bytes() == big
