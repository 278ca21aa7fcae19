"""`locutor evaluate` on tones and on a model with random weights, which nobody understands."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from locutor.cli.synthesis import flag_of
from locutor.options import described_options

pytest.importorskip("faster_whisper")
pytest.importorskip("jiwer")

XTTS = ("--model", "tiny-xtts", "--voice", "Ben")


@pytest.fixture
def hum(tones: str, home: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "data" / "voices" / "hum"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Hum\naudio: hum.wav\n")
    recording.rename(folder / "hum.wav")
    monkeypatch.setenv("LOCUTOR_VOICE", "hum")
    monkeypatch.setenv("LOCUTOR_MODEL", tones)


@pytest.fixture
def xtts(home: Path, install_xtts: Any) -> None:
    install_xtts(home / "data", "tiny-xtts", ("Ana Florence", "Ben"))


@pytest.mark.slow
def test_measures_a_model(run: Any, hum: None, home: Path) -> None:
    (home / "kept").mkdir()
    result = run("evaluate", "--limit", 1, "--save", "kept", "--json", "figures.json")
    assert result.exit_code == 0, result.stderr
    assert "word error rate" in result.stdout and "real-time factor" in result.stdout
    figures = json.loads(Path("figures.json").read_text())
    assert figures["summary"]["cer"]["value"] > 0.5 and len(figures["results"]) == 1
    assert (home / "kept" / "en-01.wav").is_file()


@pytest.mark.slow
def test_speaks_as_say_does(run: Any, xtts: None, home: Path) -> None:
    how = [*XTTS, "--profile", "stable", "--top-k", 20, "--no-remove-silence"]
    result = run("evaluate", "--limit", 1, "--save", ".", "--json", "figures.json", *how)
    assert result.exit_code == 0, result.stderr
    [heard] = json.loads(Path("figures.json").read_text())["results"]
    assert run("say", heard["item"]["text"], "--seed", 0, *how).exit_code == 0
    assert (home / "en-01.wav").read_bytes() == (home / "out.wav").read_bytes()
    assert heard["error"] is None


@pytest.mark.slow
def test_a_speaker_of_a_model_has_no_recording_to_be_compared_with(run: Any, xtts: None) -> None:
    result = run("evaluate", "--limit", 1, *XTTS)
    assert result.exit_code == 0 and "similarity" not in result.stdout, result.stderr
    if find_spec("resemblyzer"):
        note = "note: left out of the report: similarity, for tiny-xtts:Ben has no recording of its own"
        assert note in result.stderr


@pytest.mark.slow
def test_an_option_that_the_model_has_no_use_for_is_no_bad_speech(run: Any, xtts: None) -> None:
    result = run("evaluate", "--limit", 1, *XTTS, "--nfe-step", 8)
    assert result.exit_code == 2 and "error: this model has no option nfe_step; it has temperature, " in result.stderr


def test_every_option_of_say_is_a_flag(run: Any) -> None:
    shown = run("evaluate", "--help").stdout
    assert all(f"{flag_of(name)} " in shown for name in described_options())
    assert "Seed of every text." in shown


def test_what_cannot_be_spoken_with(run: Any, refused: Any, xtts: None) -> None:
    assert "comes with model 'tiny-xtts' and cannot be used with model 'builtin'" in refused(
        run("evaluate", "--voice", "Ben"), 2
    )
    assert "is for engine 'builtin', the model's is 'xtts'" in refused(
        run("evaluate", *XTTS, "--profile", "builtin_fast"), 2
    )
    assert refused(run("evaluate", *XTTS, "--top-p", 2), 2) == "top_p must be between 0.01 and 1, not 2"
    assert refused(run("evaluate", *XTTS, "--seed", -1), 2).startswith("seed must be between 0 and ")


def test_refusals(run: Any, hum: None, refused: Any) -> None:
    assert refused(run("evaluate", "--lang", "ja"), 2) == "there are test texts for en, pt-BR, not for 'ja'"
    assert refused(run("evaluate", "--audio", "gone"), 1) == "there is no folder gone"
    unused = refused(run("evaluate", "--audio", ".", "--nfe-step", 8, "--profile", "fast"), 2)
    assert unused == "--audio judges recordings, which nothing speaks anew: leave out --nfe-step, --profile"
    assert refused(run("evaluate", "--save", "gone"), 1) == "there is no folder gone"
    assert refused(run("evaluate", "--voice", "nobody"), 1).startswith("no voice is called 'nobody'")
