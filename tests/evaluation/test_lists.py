import pytest

from locutor.errors import OptionError
from locutor.evaluation.lists import KINDS, LANGUAGES, is_test_text, texts_of
from locutor.text.comparable import comparable


@pytest.mark.parametrize("language", LANGUAGES)
def test_sixty_texts_of_every_kind(language: str) -> None:
    entries = texts_of(language)
    assert [sum(entry.kind == kind for entry in entries) for kind in KINDS] == [22, 10, 8, 6, 6, 7, 1]
    assert len({entry.text for entry in entries}) == len({entry.name for entry in entries}) == 60
    assert all(entry.text == " ".join(entry.text.split()) and entry.text[-1] in ".?!" for entry in entries)
    assert all(1 <= len(entry.text.split()) <= 3 for entry in entries if entry.kind == "short")
    assert all(any(c.isdigit() for c in entry.text) == (entry.kind == "number") for entry in entries)
    assert all(entry.text.endswith("?") for entry in entries if entry.kind == "question")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_compared(language: str) -> None:
    for entry in texts_of(language):
        words = comparable(entry.text, language)
        assert words and not any(c.isdigit() for c in words), entry


def test_training_can_tell_them() -> None:
    assert is_test_text("the bakery on the corner opens BEFORE sunrise every morning")
    assert is_test_text(
        "The stream behind the house filled with melted snow, the hens started to lay again, and our "
        "neighbor brought us a basket of apples that he had kept in his cellar since the autumn."
    )
    assert is_test_text("Você já tentou ensinar um papagaio a cantar?")
    assert not is_test_text("The bakery opens early.")


def test_unknown_language() -> None:
    with pytest.raises(OptionError, match="en, pt-BR, not for 'xx'"):
        texts_of("xx")
