"""What normalisation promises for any text, and how it reports what it did."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locutor.errors import OptionError, TextError
from locutor.text.lexicon import Lexicon
from locutor.text.normalize import Replacement, explain, normalize

LANGUAGES = ("en", "pt-BR")
PIECES = (
    "R$ 20,15|$3.50|€5|1a|1ª|2º|2nd|21|casas|houses|Dr.|St.|Av.|nº|No.|10:05|pm|14h30|01/02/2024|2024-02-01|maio|May|de"
    "|1999|IBGE|NASA|II|Pedro|século|XXI|-5|°C|km/h|kg|%|10-15|1/2|½|+|=|x²|&|@|#tag|a@b.com|www.a.com|😀|(|)|“|”|—|…|.|,"
    "|!|?|'|-|\n\n|Olá|hello|e|a|A|É|mil|milhão|thousand|123.456.789-09|(11) 98765-4321|555-1234|007|1.234,5|1,234.5"
    "|٣|Ⅳ"
).split("|")
any_text = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)
tidy_text = st.lists(st.sampled_from([p for p in PIECES if p not in set(".,!?'-")]), max_size=12).map(" ".join)
glued_text = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def _spoken(text: str, language: str) -> str | None:
    try:
        return normalize(text, language)
    except TextError:
        return None


def _is_allowed(char: str) -> bool:
    return char.isalpha() or char in " \n,.!?;:'-" or not (char.isnumeric() or char.isascii())


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=150)
@given(text=any_text | glued_text)
def test_any_text_becomes_words_or_a_text_error(language: str, text: str) -> None:
    spoken = _spoken(text, language)
    if spoken is not None:
        assert any(c.isalpha() for c in spoken)
        assert all(_is_allowed(c) for c in spoken), spoken
        assert "  " not in spoken and spoken == spoken.strip()


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=150)
@given(text=tidy_text)
def test_normal_text_stays_as_it_is(language: str, text: str) -> None:
    spoken = _spoken(text, language)
    if spoken is not None:
        assert normalize(spoken, language) == spoken


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=150)
@given(text=any_text | glued_text)
def test_explanations_are_in_order_and_apart(language: str, text: str) -> None:
    found = explain(text, language)
    assert all(a.span[1] <= b.span[0] for a, b in zip(found, found[1:], strict=False))
    assert all(each.spoken != each.original for each in found)


@pytest.mark.parametrize("text", ["", "   ", "!!!", "😀", "... --", "\u200b"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_to_speak(language: str, text: str) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        normalize(text, language)


def test_languages_without_normaliser() -> None:
    with pytest.raises(OptionError, match="no text normaliser for 'de'; there are normalisers for en, pt-BR"):
        normalize("Guten Tag", "de")
    with pytest.raises(OptionError, match="unknown language 'xx'"):
        normalize("hi", "xx")
    assert normalize("2 casas", "portuguese") == "duas casas"


def test_explain_names_span_and_rule() -> None:
    assert explain("Pago R$ 20,15 😀", "pt-BR") == [
        Replacement((5, 13), "R$ 20,15", "vinte reais e quinze centavos", "currency"),
        Replacement((14, 15), "😀", "", "emoji"),
    ]


def test_paragraphs_and_list_items_stay_apart() -> None:
    assert normalize("One\nline.\n\n\nTwo 2\n- three", "en") == "One line.\n\nTwo two\n\nthree"


def test_lexicon_words_are_respelled_and_then_left_alone() -> None:
    lexicon = Lexicon.parse("NASA = en ay ess\nGIF = /dʒɪf/\nDr. Foo = Doc FOO\n")
    assert normalize("NASA has 2 GIF. Dr. Foo!", "en", lexicon) == "en ay ess has two GIF. Doc FOO!"
    assert [r.rule for r in explain("NASA GIF", "en", lexicon)] == ["lexicon"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("unit", ["1,", "1-", "A.", "IV ", "\n "])
def test_hostile_texts_take_linear_time(language: str, unit: str) -> None:
    start = time.perf_counter()
    _spoken((unit * 100_000)[:100_000], language)
    assert time.perf_counter() - start < 10  # quadratic patterns take minutes
