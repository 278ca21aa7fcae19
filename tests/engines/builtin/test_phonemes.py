import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.builtin.phonemes import BOUNDARY, LETTERS, PHONEMES, letter_tokens, phoneme_string, phoneme_tokens
from locutor.errors import TextError


def test_symbols_are_single_and_distinct() -> None:
    assert len(set(PHONEMES)) == len(PHONEMES) and len(set(LETTERS)) == len(LETTERS)
    assert PHONEMES[0] == BOUNDARY and LETTERS == LETTERS.lower()


@given(phonemes=st.text(st.sampled_from(PHONEMES)))
def test_tokens_and_back(phonemes: str) -> None:
    tokens = phoneme_tokens(phonemes)
    assert phoneme_string(tokens) == phonemes and all(1 <= token <= len(PHONEMES) for token in tokens)


def test_letters_leave_zero_to_padding() -> None:
    assert letter_tokens(LETTERS) == list(range(1, len(LETTERS) + 1))


def test_an_unknown_phoneme_is_named() -> None:
    with pytest.raises(TextError, match=r"unknown phonemes 5 ø; known are: .*ʃ"):
        phoneme_tokens("hø5")
