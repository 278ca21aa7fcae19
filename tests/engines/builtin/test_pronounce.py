import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locutor.engines.builtin.engine import Networks
from locutor.engines.builtin.phonemes import LETTERS, PHONEMES
from locutor.engines.builtin.pronounce import fitted, pronounce
from locutor.errors import TextError

WORDS = {
    "en": {
        "coffee": "kˈɔfi",
        "house": "hˈaʊs",
        "water": "wˈɔːɾɚ",
        "people": "pˈiːpəl",
        "yes": "jˈɛs",
        "knife": "nˈaɪf",
        "phone": "fˈoʊn",
        "church": "tʃˈɜːtʃ",
        "this": "ðˈɪs",
        "light": "lˈaɪt",
        "green": "ɡɹˈiːn",
        "seven": "sˈɛvən",
    },
    "pt-BR": {
        "não": "nˈɐ̃ʊ̃",
        "casa": "kˈazæ",
        "carro": "kˈaxʊ",
        "caro": "kˈaɾʊ",
        "bom dia": "bˈoŋ dʒˈiæ",
        "gente": "ʒˈeɪŋtʃy",
        "filho": "fˈiljʊ",
        "quatro": "kwˈatrʊ",
        "chuva": "ʃˈuvæ",
        "mesa": "mˈezæ",
        "livro": "lˈivrʊ",
        "São Paulo": "sɐ̃ʊ̃ pˈaʊlʊ",
    },
}
TABLE = [(language, word, phonemes) for language, words in WORDS.items() for word, phonemes in words.items()]


@pytest.mark.parametrize(("language", "word", "phonemes"), TABLE)
def test_known_words(networks: Networks, language: str, word: str, phonemes: str) -> None:
    assert pronounce(networks.g2p, word, language) == phonemes


def test_a_stop_makes_no_difference_to_a_word(networks: Networks) -> None:
    for word in ("yes", "ok", "Hi", "no"):
        assert pronounce(networks.g2p, f"{word}.", "en") == pronounce(networks.g2p, word, "en") + "."


def test_case_and_space_do_not_matter_and_punctuation_is_kept(networks: Networks) -> None:
    said = pronounce(networks.g2p, "Hello, people!", "en")
    assert said == pronounce(networks.g2p, "  hELLO,\n  people! ", "en")
    assert said[said.index(",")] == "," and said.endswith("!")


def test_phonemes_between_slashes_are_taken_as_they_are(networks: Networks) -> None:
    said = pronounce(networks.g2p, "I say /təmˈɑːɾoʊ/, /pətˈeɪɾoʊ/!", "en")
    assert said.endswith(" təmˈɑːɾoʊ, pətˈeɪɾoʊ!")
    assert pronounce(networks.g2p, "/ˈa/", "pt-BR") == "ˈa"


@pytest.mark.parametrize("text", ["km/h, not m/s", "and/or either/or", "a / b / c", "https://a/b/c"])
def test_slashes_between_words_are_not_phonemes(networks: Networks, text: str) -> None:
    assert pronounce(networks.g2p, text, "en") == pronounce(networks.g2p, text.replace("/", ""), "en")


def test_unknown_phonemes_are_named(networks: Networks) -> None:
    with pytest.raises(TextError, match=r"unknown phonemes 7 Q in /aQ7/; known are: .*ɐ"):
        pronounce(networks.g2p, "say /aQ7/", "en")


def test_what_cannot_be_pronounced_is_logged(networks: Networks, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert pronounce(networks.g2p, "house 世 7", "en") == "hˈaʊs"
    assert [record.getMessage() for record in caplog.records] == ["the voice model cannot pronounce '世' '7'; left out"]


def test_other_spellings_are_transliterated_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert fitted("Don’t — Façade Straße…") == "don't - façade strasse..."
    assert not caplog.records


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "世界", "123", "- -", "'"])
def test_nothing_to_speak(networks: Networks, text: str) -> None:
    with pytest.raises(TextError, match="nothing to speak in"):
        pronounce(networks.g2p, text, "en")


@settings(max_examples=40)
@given(text=st.text(max_size=30))
def test_any_text_gives_known_phonemes_or_a_text_error(networks: Networks, text: str) -> None:
    assert set(fitted(text)) <= set(LETTERS)
    try:
        phonemes = pronounce(networks.g2p, text, "pt-BR")
    except TextError:
        return
    assert set(phonemes) <= set(PHONEMES) and any(p.isalpha() for p in phonemes)
