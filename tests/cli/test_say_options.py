"""What `locutor say` can be told of how to speak: flags, quality profiles, speakers of a model."""

from pathlib import Path
from typing import Any

import pytest
import soundfile

from locutor.audio import io
from locutor.audio.level import loudness_lufs
from locutor.bootstrap import open_stores
from locutor.cli.synthesis import flag_of
from locutor.engines.xtts.engine import UNUSED_OPTIONS
from locutor.options import described_options
from locutor.settings import load_settings

SAMPLED = {"temperature": 0.9, "top_k": 20, "top_p": 0.7, "repetition_penalty": 2, "length_penalty": 2, "retries": 1}


@pytest.fixture
def xtts(home: Path, install_xtts: Any) -> str:
    found: str = install_xtts(home / "data", "tiny-xtts", ("Ana Florence", "Ben"))
    return found


def spoken(run: Any, *args: Any) -> bytes:
    result = run("say", "hello there", "--seed", 1, *args)
    assert result.exit_code == 0, result.stderr
    return Path("out.wav").read_bytes()


def test_every_option_is_a_flag(run: Any) -> None:
    shown = run("say", "--help").stdout
    assert all(f"{flag_of(name)} " in shown for name in described_options())
    assert "Steps of the solver (1 to 128)." in shown


@pytest.mark.slow
def test_a_speaker_of_the_model(run: Any, xtts: str) -> None:
    ana = spoken(run, "--model", xtts, "--voice", "tiny-xtts:Ana Florence")
    assert ana == spoken(run, "--model", xtts, "--voice", "Ana Florence")
    assert ana != spoken(run, "--model", xtts, "--voice", "Ben")
    result = run("say", "hello there", "--model", xtts, "--voice", "Ben")
    assert "voice tiny-xtts:Ben, model tiny-xtts (CPML, no commercial use)" in result.stderr


def test_a_speaker_of_another_model(run: Any, refused: Any, xtts: str) -> None:
    assert refused(run("say", "Hi.", "--voice", "Ben"), 2) == (
        "voice 'tiny-xtts:Ben' comes with model 'tiny-xtts' and cannot be used with model 'builtin'; choose model "
        "'tiny-xtts' or another voice"
    )
    assert "near it: tiny-xtts:Ben" in refused(run("say", "Hi.", "--model", xtts, "--voice", "tiny-xtts:Bem"), 1)


@pytest.mark.slow
def test_how_codes_are_drawn(run: Any, refused: Any, xtts: str) -> None:
    flags = [f"{flag_of(name)}={value}" for name, value in SAMPLED.items()]
    speak = ["--model", xtts, "--voice", "Ben"]
    assert spoken(run, *speak, *flags) != spoken(run, *speak)
    message = refused(run("say", "Hi.", *flags[:2]), 2)
    assert message.startswith("this model has no option temperature, top_k; it has nfe_step, cfg_strength, ")


@pytest.mark.parametrize("name", SAMPLED)
def test_what_is_out_of_range(run: Any, refused: Any, name: str) -> None:
    assert refused(run("say", "Hi.", flag_of(name), 5000), 2).startswith(f"{name} must be between ")


def test_what_a_model_of_codes_has_no_use_for(run: Any, refused: Any, xtts: str) -> None:
    flags = [f"{flag_of(name)}=1" for name in UNUSED_OPTIONS]
    message = refused(run("say", "Hi.", "--model", xtts, "--voice", "Ben", *flags), 2)
    assert message.startswith(f"this model has no option {', '.join(UNUSED_OPTIONS)}; it has temperature, top_k, ")


@pytest.mark.slow
def test_a_profile_sets_what_was_not_given(run: Any, refused: Any, xtts: str) -> None:
    speak = ["--model", xtts, "--voice", "Ben"]
    stable = [f"--{name}={value}" for name, value in (("temperature", 0.7), ("repetition-penalty", 1.7))]
    stable += ["--top-p=0.85", "--top-k=55", "--length-penalty=1.1"]
    assert spoken(run, *speak, "--profile", "xtts_stable") == spoken(run, *speak, *stable)
    assert spoken(run, *speak, "--profile", "stable", "--top-k", 1) == spoken(run, *speak, *stable, "--top-k=1")
    plain = [f"--{name}={value}" for name, value in (("top-k", 50), ("top-p", 0.85), ("repetition-penalty", 5))]
    assert spoken(run, *speak, "--profile", "plain") == spoken(run, *speak, *plain, "--length-penalty=1")
    assert "is for engine 'builtin', the model's is 'xtts'" in refused(
        run("say", "Hi.", *speak, "--profile", "builtin_fast"), 2
    )
    assert "there is no quality profile 'best'; there are builtin_balanced, " in refused(
        run("say", "Hi.", *speak, "--profile", "best"), 1
    )


@pytest.mark.slow
def test_without_a_profile_it_is_the_default_one_as_in_a_service(run: Any, xtts: str) -> None:
    speak = ["--model", xtts, "--voice", "Ben"]
    balanced = spoken(run, *speak, "--profile", "xtts_balanced")  # opens, and makes, the database
    assert spoken(run, *speak) == balanced != spoken(run, *speak, "--profile", "plain")
    stores = open_stores(load_settings())
    stores.profiles.set_default("xtts_stable")
    stores.close()
    stable = spoken(run, *speak)
    assert stable == spoken(run, *speak, "--profile", "stable") != balanced


def test_no_database_is_made_to_look_for_the_default(run: Any, home: Path, xtts: str, recording: Path) -> None:
    speak = ["--model", xtts, "--ref-audio", recording]
    balanced = spoken(run, *speak)
    assert not (home / "data" / "locutor.db").exists()
    assert balanced == spoken(run, *speak, "--profile", "balanced") != spoken(run, *speak, "--profile", "plain")


def test_an_own_profile_with_a_loudness(run: Any, tones: str, recording: Path) -> None:
    stores = open_stores(load_settings())
    made = stores.profiles.create("tone", "Quiet", {"loudness_lufs": -33.0})
    stores.close()
    for name in ("quiet", made.id):
        spoken(run, "--model", tones, "--ref-audio", recording, "--profile", name)
        assert loudness_lufs(io.read(Path("out.wav"))) == pytest.approx(-33, abs=0.5)


def test_loudness_and_overlap_hold_without_a_service(run: Any, tones: str, recording: Path) -> None:
    text = " ".join(["This is a sentence of some length, said again."] * 3)
    lengths = []
    for overlap in (0, 0.5):
        result = run("say", text, "--model", tones, "--ref-audio", recording, "--cross-fade", overlap)
        assert result.exit_code == 0, result.stderr
        lengths.append(soundfile.info("out.wav").duration)
    assert lengths[0] - lengths[1] == pytest.approx(1.0)
