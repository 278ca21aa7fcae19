"""What is written and what is spoken, case by case (cases_en.txt, cases_pt_br.txt)."""

from pathlib import Path

import pytest

from locutor.text.normalize import explain, normalize


def _cases(name: str) -> list[tuple[str, str]]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" => ") for line in lines if line and not line.startswith("# "))
    return [(written, spoken) for written, spoken in pairs]


EN, PT_BR = _cases("cases_en.txt"), _cases("cases_pt_br.txt")


@pytest.mark.parametrize(("written", "spoken"), EN)
def test_english(written: str, spoken: str) -> None:
    assert normalize(written, "en") == spoken


@pytest.mark.parametrize(("written", "spoken"), PT_BR)
def test_portuguese(written: str, spoken: str) -> None:
    assert normalize(written, "pt-BR") == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [("en", w, s) for w, s in EN] + [("pt-BR", w, s) for w, s in PT_BR],
)
def test_what_is_spoken_is_normal_already(language: str, written: str, spoken: str) -> None:
    assert normalize(spoken, language) == spoken
    assert not any(c.isnumeric() and not c.isalpha() for c in spoken)


@pytest.mark.parametrize(("language", "cases"), [("en", EN), ("pt-BR", PT_BR)])
def test_cases_are_many_and_inside_sentences_read_alike(language: str, cases: list[tuple[str, str]]) -> None:
    assert len(cases) >= 120
    for written, _ in cases:
        for each in explain(written, language):
            assert written[slice(*each.span)] == each.original
