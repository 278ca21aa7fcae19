"""Scripts of several voices: nothing that was written is lost, and mistakes are told before anything is spoken."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.errors import NotFoundError, OptionError, TextError
from locutor.serving.backend import Pause, Spoken
from locutor.serving.script import Line, ScriptPart, cast, has_tags, parse_script
from locutor.types import SpeechRequest
from locutor.voices.store import Voice

REQUEST = SpeechRequest(text="-", language="en")


def voice(name: str) -> Voice:
    return Voice(id=name, kind="own", ref_audio=Path("x"))


def test_lines_voices_and_pauses() -> None:
    script = "Hello.\n[voice:Ana] Olá,\ntudo bem?\n[pause:1.5s][VOICE: Rui ]Sim [sic]. [pause:300ms] E tu?"
    assert parse_script(script) == [
        Line(None, "Hello."),
        Line("Ana", "Olá,\ntudo bem?"),
        Pause(1.5),
        Line("Rui", "Sim [sic]."),
        Pause(0.3),
        Line("Rui", "E tu?"),
    ]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("[voice:] hi", "names no voice"),
        ("hi [pause:soon]", "is no pause"),
        ("hi [pause:-1s]", "is no pause"),
        ("hi [pause:1]", "is no pause"),
        ("hi [pause:31s]", "at most 30 s"),
        ("hi [pause:9999s]", "at most 30 s"),
    ],
)
def test_misspelt_tags(script: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        parse_script(script)


@pytest.mark.parametrize("script", ["", "[voice:Ana]", "[pause:1s]", "[voice:Ana] ... "])
def test_nothing_to_speak(script: str) -> None:
    with pytest.raises(TextError, match="no text to speak"):
        parse_script(script)


def test_tags_are_told_from_text() -> None:
    assert has_tags("[voice:x] y") and not has_tags("[sic] and [voices: x") and not has_tags("a voice:x]")


NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), max_size=30).map(
    lambda text: f"a{text}b"
)
PARTS = st.one_of(
    st.builds(Line, NAMES, TEXTS),
    st.builds(Pause, st.integers(0, 30_000).map(lambda milliseconds: milliseconds / 1000)),
)


def written(part: ScriptPart) -> str:
    if isinstance(part, Pause):
        return f"[pause:{round(part.duration_s * 1000) / 1000:.3f}s]"
    return f"[voice:{part.voice}]{part.text}"


@given(st.lists(PARTS, min_size=1, max_size=12).filter(lambda parts: any(isinstance(p, Line) for p in parts)))
def test_what_is_written_is_read(parts: list[ScriptPart]) -> None:
    read = parse_script("\n".join(written(part) for part in parts))
    assert [written(part) for part in read] == [written(part) for part in parts]


@given(st.text(max_size=200))
def test_any_text_is_a_script_or_an_error_of_ours(text: str) -> None:
    try:
        parts = parse_script(text)
    except (OptionError, TextError):
        return
    kept = "".join("".join(p.text.split()) for p in parts if isinstance(p, Line))
    if not has_tags(text):
        assert kept == "".join(text.split())


def test_casting() -> None:
    script = parse_script("One. [voice:Ana] Two. [pause:1s]")
    one, two, pause = cast(script, REQUEST, voice("me"), voice)
    assert isinstance(one, Spoken) and (one.voice.id, one.request.text) == ("me", "One.")
    assert isinstance(two, Spoken) and (two.voice.id, two.request.text) == ("Ana", "Two.")
    assert pause == Pause(1.0)
    with pytest.raises(OptionError, match="begins without a voice"):
        cast(script, REQUEST, None, voice)


def test_every_missing_voice_is_named_before_anything_is_spoken() -> None:
    def find(name: str) -> Voice:
        if name != "Ana":
            raise NotFoundError(f"no voice is called {name!r}")
        return voice(name)

    with pytest.raises(NotFoundError, match="called 'Rui'; no voice is called 'Zoe'"):
        cast(parse_script("[voice:Ana] A. [voice:Rui] B. [voice:Zoe] C. [voice:Rui] D."), REQUEST, None, find)
