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
@pytest.mark.parametrize("unit", ["1,", "1-", "A.", "IV ", "\n ", "1. x\n", "- x\n", '1" ', "a.b", "1 000 ", "seg. a "])
def test_hostile_texts_take_linear_time(language: str, unit: str) -> None:
    start = time.perf_counter()
    _spoken((unit * 100_000)[:100_000], language)
    assert time.perf_counter() - start < 10  # quadratic patterns take minutes


@pytest.mark.parametrize("bullet", ["-", "*", "•", "▪"])
def test_bulleted_items_stay_apart(bullet: str) -> None:
    assert normalize(f"Buy:\n{bullet} milk\n{bullet} 2 eggs", "en") == "Buy\n\nmilk\n\ntwo eggs"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("1. Buy milk\n2. Call Bob", "one. Buy milk\n\ntwo. Call Bob"),
        ("Steps:\n1) Buy milk\n2) Call\nBob", "Steps\n\none, Buy milk\n\ntwo, Call Bob"),
        ("a) milk\nb) eggs", "a, milk\n\nbee, eggs"),
        ("- plan B\n- -5 degrees\n- $5", "plan bee\n\nminus five degrees\n\nfive dollars"),
        ("I have\n5. She has\n7. We left", "I have five. She has seven. We left"),
        ("We met in\n1. February was cold.", "We met in one. February was cold."),
        ("It is *bold*\n*here* too", "It is bold here too"),
        ("ten\n-5 degrees", "ten minus five degrees"),
    ],
)
def test_items_of_a_list(text: str, spoken: str) -> None:
    assert normalize(text, "en") == spoken


def test_lines_that_end_as_in_windows_are_no_paragraphs() -> None:
    assert normalize("One\r\nline.\r\n\r\nTwo", "en") == "One line.\n\nTwo"


@pytest.mark.parametrize("unseen", ["\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"])
def test_what_nobody_sees_parts_no_words(unseen: str) -> None:
    assert normalize(f"pa{unseen}lavra R${unseen} 1{unseen}0", "pt-BR") == "palavra dez reais"
    assert explain(f"pa{unseen}lavra 1{unseen}0", "pt-BR") == [
        Replacement((9, 12), f"1{unseen}0", "dez", "number"),
    ]


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2009", "\u202f"])
def test_spaces_between_thousands(space: str) -> None:
    assert normalize(f"10{space}000 people", "en") == "ten thousand people"
    assert normalize(f"10{space}000 pessoas", "pt-BR") == "dez mil pessoas"


def test_a_thin_space_parts_thousands_that_are_not_round() -> None:
    assert normalize("10\u2009250 people", "en") == "ten thousand two hundred and fifty people"
    assert normalize("2 250 ml bottles", "en") == "two two hundred and fifty milliliters bottles"


@pytest.mark.parametrize(("written", "text"), [("L'Oréal", "L’Oréal"), ("L’Oréal", "L'Oréal")])
def test_a_lexicon_takes_any_apostrophe_for_another(written: str, text: str) -> None:
    assert normalize(f"a {text} 2", "pt-BR", Lexicon.parse(f"{written} = loreal")) == "a loreal dois"
    assert normalize(f"a {text}", "pt-BR", Lexicon.parse(f"{written} = /loʁeal/")) == "a L'Oréal"


def test_claims_never_overlap() -> None:
    found = explain("WWW.,0@0.AA", "pt-BR")
    assert all(a.span[1] <= b.span[0] for a, b in zip(found, found[1:], strict=False))
