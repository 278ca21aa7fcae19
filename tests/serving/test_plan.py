"""What an engine says of itself decides how a text is cut and who reads numbers out."""

from dataclasses import replace
from typing import Any

import pytest

from locutor.errors import OptionError
from locutor.serving.plan import EARLY_CHARS, plan_speech
from locutor.types import SpeechRequest

TEXT = "Ho 2 gatti. " * 30


def test_a_language_can_have_its_own_limit(engine: Any) -> None:
    info = replace(engine.info, max_chars_of={"it": 24}, cleans_text=True)
    plan = plan_speech(SpeechRequest(text=TEXT, language="it"), info, "m")
    assert max(len(chunk.text) for chunk in plan.chunks) <= 24
    plan = plan_speech(SpeechRequest(text="I go. " * 30, language="en"), info, "m")
    assert 24 < max(len(chunk.text) for chunk in plan.chunks) <= info.max_chars


def test_an_engine_that_reads_numbers_itself_gets_them(engine: Any) -> None:
    request = SpeechRequest(text="Ho 2 gatti.", language="it")
    assert plan_speech(request, replace(engine.info, cleans_text=True), "m").spoken == "Ho 2 gatti."
    with pytest.raises(OptionError, match="cannot be read out in it yet"):
        plan_speech(request, engine.info, "m")
    english = plan_speech(SpeechRequest(text="2 cats.", language="en"), replace(engine.info, cleans_text=True), "m")
    assert english.spoken.lower() == "two cats."


@pytest.mark.parametrize(
    "text", ["Short. " * 40, "One long sentence, with commas, that goes on and on, " * 8, "x" * 300]
)
def test_an_early_piece_is_short_and_nothing_is_lost(engine: Any, text: str) -> None:
    info = replace(engine.info, max_chars=180)
    request = SpeechRequest(text=text, language="en", normalize=False)
    early, plain = (plan_speech(request, info, "m", early=e) for e in (True, False))
    assert len(early.chunks[0].text) <= EARLY_CHARS < len(plain.chunks[0].text)
    parted = early.chunks[: len(early.chunks) - len(plain.chunks) + 1]
    assert len(parted) >= 3
    assert all(len(piece.text) <= 2**k * EARLY_CHARS for k, piece in enumerate(parted))
    said = ["".join("".join(chunk.text.split()) for chunk in plan.chunks) for plan in (early, plain)]
    assert said[0] == said[1] == "".join(text.split())
