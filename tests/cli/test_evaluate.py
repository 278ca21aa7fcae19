"""`locutor evaluate` on tones, which nobody understands."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("faster_whisper")
pytest.importorskip("jiwer")


@pytest.fixture
def hum(tones: str, home: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "data" / "voices" / "hum"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Hum\naudio: hum.wav\n")
    recording.rename(folder / "hum.wav")
    monkeypatch.setenv("LOCUTOR_VOICE", "hum")
    monkeypatch.setenv("LOCUTOR_MODEL", tones)


@pytest.mark.slow
def test_measures_a_model(run: Any, hum: None, home: Path) -> None:
    (home / "kept").mkdir()
    result = run("evaluate", "--limit", 1, "--save", "kept", "--json", "figures.json")
    assert result.exit_code == 0, result.stderr
    assert "word error rate" in result.stdout and "real-time factor" in result.stdout
    figures = json.loads(Path("figures.json").read_text())
    assert figures["summary"]["cer"]["value"] > 0.5 and len(figures["results"]) == 1
    assert (home / "kept" / "en-01.wav").is_file()


def test_refusals(run: Any, hum: None, refused: Any) -> None:
    assert refused(run("evaluate", "--lang", "ja"), 2) == "there are test texts for en, pt-BR, not for 'ja'"
    assert refused(run("evaluate", "--audio", "gone"), 1) == "there is no folder gone"
    assert refused(run("evaluate", "--save", "gone"), 1) == "there is no folder gone"
    assert refused(run("evaluate", "--voice", "nobody"), 1).startswith("no voice is called 'nobody'")
