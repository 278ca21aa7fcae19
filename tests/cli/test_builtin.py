"""The commands with nothing but what is in the package: the built-in model and the default voice."""

from pathlib import Path
from typing import Any

import pytest
import soundfile


@pytest.mark.parametrize(("language", "text"), [("en", "Good morning."), ("pt-BR", "Bom dia.")])
def test_says_a_sentence(run: Any, language: str, text: str) -> None:
    result = run("say", text, "--lang", language, "-o", "hello.wav", "--seed", 1)
    assert result.exit_code == 0, result.stderr
    assert 0.3 < soundfile.info("hello.wav").duration < 6
    assert "voice default, model builtin (Apache-2.0, commercial use allowed), seed 1" in result.stderr


def test_doctor_finds_it_well(run: Any) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.stdout
    assert "builtin loaded in" in result.stdout


@pytest.mark.parametrize("content", [b"", b"not audio"])
def test_a_bad_reference(run: Any, refused: Any, home: Path, content: bytes) -> None:
    (home / "bad.wav").write_bytes(content)
    assert "bad.wav is " in refused(run("say", "Hi.", "--ref-audio", "bad.wav"), 1)
