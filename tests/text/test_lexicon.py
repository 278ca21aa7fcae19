import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.errors import NotFoundError, OptionError
from locutor.text.lexicon import Lexicon

TEXT = """
# names
Siobhan = shiv-awn
GIF\tjif [en]
GIF = guife [pt]
polish = pohlish [en, case]
tomato = /təˈmɑːtoʊ/ [en]
New York = Nu Iork [pt-BR]
"""


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("en", "SIOBHAN, siobhan; Siobhans", "shiv-awn, shiv-awn; Siobhans"),
        ("en", "a gif", "a jif"),
        ("pt-BR", "um GIF", "um guife"),
        ("en", "polish Polish", "pohlish Polish"),
        ("en", "a tomato", "a tomato"),
        ("pt-BR", "em new  york", "em Nu Iork"),
        ("en", "New York", "New York"),
    ],
)
def test_apply(language: str, text: str, spoken: str) -> None:
    assert Lexicon.parse(TEXT).apply(text, language) == spoken


def test_phonemes() -> None:
    lexicon = Lexicon.parse(TEXT)
    assert lexicon.phonemes_for("Tomato", "en") == "təˈmɑːtoʊ"
    assert lexicon.phonemes_for("tomato", "pt-BR") is None
    assert lexicon.phonemes_for("GIF", "en") is None


def test_the_special_entry_comes_first() -> None:
    lexicon = Lexicon.parse("read = red\nread = reed [en]\nRead = Redd [en, case]")
    assert lexicon.apply("read Read", "en") == "reed Redd"
    assert lexicon.apply("read Read", "pt-BR") == "red red"


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ação = assão\n", encoding="utf-8")
    assert Lexicon.load(path).apply("Ação!", "pt-BR") == "assão!"
    with pytest.raises(NotFoundError, match="no lexicon file"):
        Lexicon.load(tmp_path / "absent.txt")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match="must be UTF-8"):
        Lexicon.load(path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("word", "expected 'word = respelling"),
        ("= x", "expected 'word = respelling"),
        ("word =", "expected 'word = respelling"),
        ("word = x [en", "expected 'word = respelling"),
        ("word = 42", "without digits"),
        ("word = ...", "written in letters"),
        ("word = x [klingon]", "unknown language 'klingon'"),
        ("ok = fine", "'ok' is already in the lexicon"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(f"ok = fine\n\n{line}\n", encoding="utf-8")
    with pytest.raises(OptionError, match=problem) as caught:
        Lexicon.load(path)
    assert str(caught.value).startswith(f"{path}:3: ")


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        lexicon = Lexicon.parse(text)
    except OptionError as error:
        assert str(error).startswith("lexicon:")
    else:
        assert isinstance(lexicon.apply(text, "en"), str)


def test_an_empty_lexicon_changes_nothing() -> None:
    assert Lexicon().apply("any text", "en") == "any text"


def test_phonemes_are_written_between_slashes_for_engines_that_read_them() -> None:
    lexicon = Lexicon.parse("Locutor = /lˈoʊkjutɚ/ [en]\nNike = naiki\n")
    assert lexicon.write_phonemes("Is Locutor by Nike?", "en") == "Is /lˈoʊkjutɚ/ by Nike?"
    assert lexicon.write_phonemes("O Locutor fala.", "pt-BR") == "O Locutor fala."


def test_a_lexicon_and_a_text_may_be_composed_otherwise() -> None:
    decomposed = unicodedata.normalize("NFD", "ação = assão")
    assert Lexicon.parse(decomposed).apply("Ação!", "pt-BR") == "assão!"
    assert Lexicon.parse("ação = assão").apply(unicodedata.normalize("NFD", "ação"), "pt-BR") == "assão"


def test_apostrophes_are_alike() -> None:
    lexicon = Lexicon.parse("d'água = dágua\nL’Oréal = /loʁeal/ [case]")
    assert lexicon.apply("d’água d'água", "pt-BR") == "dágua dágua"
    assert lexicon.phonemes_for("L'Oréal", "pt-BR") == "loʁeal"
    with pytest.raises(OptionError, match="already in the lexicon"):
        Lexicon.parse("d'água = a\nd’água = b")
