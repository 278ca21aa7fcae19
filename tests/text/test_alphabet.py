import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.text.alphabet import Fitted, fit_alphabet

ASCII = frozenset(string.ascii_letters + string.digits + " .,!?'\"-")
LOWER = frozenset(string.ascii_lowercase + " .,")


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("ação é", "acao e"),
        ("“quoted” ‘x’", "\"quoted\" 'x'"),
        ("a—b–c", "a-b-c"),
        ("wait…", "wait..."),
        ("Straße", "Strasse"),
        ("ﬁne ﬂow", "fine flow"),
        ("ＦＵＬＬ　１２", "FULL 12"),
        ("Ærø œuvre Łódź", "AEro oeuvre Lodz"),
        ("a;b: c", "a,b, c"),
        ("line\nbreak\ttab", "line break tab"),
        ("no\u00a0break\u200b", "no break"),
        ("¿Qué?", "Que?"),
    ],
)
def test_transliterations(text: str, fitted: str) -> None:
    result = fit_alphabet(text, ASCII)
    assert result.text == fitted
    assert not result.dropped


def test_characters_of_the_alphabet_stay() -> None:
    assert fit_alphabet("ação", ASCII | set("çã")) == Fitted("ação", (), ())
    assert fit_alphabet("ac\u0327a\u0303o", ASCII | set("çã")).text == "ação"


def test_the_other_case_is_the_last_resort() -> None:
    assert fit_alphabet("NASA É!", LOWER).text == "nasa e."


def test_replaced_and_dropped_are_reported_once() -> None:
    result = fit_alphabet("é日é日☃", ASCII)
    assert result == Fitted("ee", (("é", "e"),), ("日", "☃"))


@given(st.text(max_size=80), st.frozensets(st.characters(codec="latin-1"), max_size=80))
def test_every_character_is_kept_replaced_or_reported(text: str, alphabet: frozenset[str]) -> None:
    result = fit_alphabet(text, alphabet)
    assert set(result.text) <= alphabet
    accounted = alphabet | {char for char, _ in result.replaced} | set(result.dropped)
    assert set(unicodedata.normalize("NFC", text)) <= accounted
    assert fit_alphabet(result.text, alphabet | set(result.text)).text == unicodedata.normalize("NFC", result.text)
