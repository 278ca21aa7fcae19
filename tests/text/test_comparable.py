import pytest

from locutor.text.comparable import comparable


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("  Well-known:  AT the   Bar_n ", "en", "well known at the bar n"),
        ("Don't be late at 7.45!", "en", "dont be late at seven forty five"),
        ("Segunda-feira, às 14h", "pt-BR", "segunda feira às catorze horas"),
        ("...", "en", ""),
        ("Die 3 Häuser!", "de", "die 3 häuser"),
    ],
)
def test_comparable(text: str, language: str, expected: str) -> None:
    assert comparable(text, language) == expected
