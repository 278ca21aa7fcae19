import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.errors import OptionError
from locutor.text.split import chunk, split_by_punctuation, split_long, split_sentences

prose = st.text(max_size=200) | st.lists(
    st.sampled_from(
        [
            "Hello there.",
            "Dr. Smith",
            "Av. Brasil",
            "e então?",
            '"Oi!"',
            "(sim)",
            "…",
            ".",
            "\n\n",
            "\n",
            "x" * 30,
            "。",
            "“",
        ]
    ),
    max_size=20,
).map(" ".join)


def _bare(text: str) -> str:
    return "".join(text.split())


def test_english_sentences() -> None:
    text = "Dr. Smith went home. He was tired! Was he?\n\nA new paragraph"
    assert split_sentences(text, "en") == ["Dr. Smith went home.", "He was tired!", "Was he?", "A new paragraph"]


def test_portuguese_sentences() -> None:
    text = "O Sr. Silva mora na Av. Brasil, nº 5. Ele saiu às 10.30. Voltou?"
    assert split_sentences(text, "pt-BR") == [
        "O Sr. Silva mora na Av. Brasil, nº 5.",
        "Ele saiu às 10.30.",
        "Voltou?",
    ]


def test_other_languages() -> None:
    assert split_sentences("Guten Tag. Wie geht es?", "de") == ["Guten Tag.", "Wie geht es?"]
    assert split_sentences("你好。再见。", "zh-CN") == ["你好。", "再见。"]


def test_fallback_by_punctuation() -> None:
    assert split_by_punctuation('One. "Two!" Three... four') == ["One.", '"Two!"', "Three...", "four"]


@pytest.mark.parametrize("language", ["en", "pt-BR", "ja"])
@given(text=prose)
def test_sentences_lose_nothing(language: str, text: str) -> None:
    sentences = split_sentences(text, language)
    assert _bare("".join(sentences)) == _bare(text)
    assert all(s and s == s.strip() for s in sentences)
    assert _bare("".join(split_by_punctuation(text))) == _bare(text)


@given(text=prose, max_chars=st.integers(1, 60))
def test_chunks_lose_nothing_and_fit(text: str, max_chars: int) -> None:
    for pieces in (chunk(text, "en", max_chars), split_long(text, max_chars)):
        assert _bare("".join(pieces)) == _bare(text)
        assert all(0 < len(p) <= max_chars for p in pieces)


def test_long_sentences_are_cut_at_clauses_then_spaces_then_anywhere() -> None:
    assert split_long("one two, three four five", 12) == ["one two,", "three four", "five"]
    assert split_long("first part here; second part, third", 30) == ["first part here;", "second part, third"]
    assert split_long("abcdefghij", 4) == ["abcd", "efgh", "ij"]


def test_chunks_pack_sentences_and_keep_paragraphs_apart() -> None:
    text = "One is here. Two is here. Three is here.\n\nFour."
    assert chunk(text, "en", 26) == ["One is here. Two is here.", "Three is here.", "Four."]
    assert chunk(text, "en", 1000) == ["One is here. Two is here. Three is here.", "Four."]


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(OptionError, match="max_chars must be at least 1, not 0"):
        chunk("text", "en", 0)


@pytest.mark.parametrize("unit", ["A sentence of some length. ", "word ", "x", "“", ". ", "\n", "Dr. "])
def test_long_texts_take_linear_time(unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    start = time.perf_counter()
    pieces = chunk(text, "pt-BR", 200)
    assert time.perf_counter() - start < 5
    assert sum(len(p) for p in pieces) <= len(text)
