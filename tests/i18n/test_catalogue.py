"""One catalogue for page, command line and errors."""

import ast
import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from locutor.i18n import LANGUAGES, catalogue, choose_language, translate
from locutor.i18n.extract import errors, pattern

ROOT = Path(__file__).parents[2]
PO = ROOT / "src" / "locutor" / "i18n" / "locales" / "pt_BR" / "LC_MESSAGES" / "locutor.po"
PLACES = re.compile(r"\{\w+\}|%\(\w+\)s")


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (["", "pt-BR,pt;q=0.9,en;q=0.8"], "pt-BR"),
        (["", "pt"], "pt-BR"),
        (["pt_BR.UTF-8"], "pt-BR"),
        (["", "fr,de;q=0.5"], "en"),
        (["", "en;q=0.2,pt;q=0.7"], "pt-BR"),
        (["en", "pt-BR"], "en"),
        (["", "pt;q=0"], "en"),
    ],
)
def test_language_of_a_client(wishes: list[str], expected: str) -> None:
    assert choose_language(wishes) == expected


@given(st.text(max_size=300))
def test_any_header_gives_a_language(header: str) -> None:
    assert choose_language([header]) in LANGUAGES


def test_a_finished_sentence_is_translated_with_its_values() -> None:
    assert translate("there is no job 'job_1'", "pt-BR") == "não há tarefa 'job_1'"
    assert translate("there is no job 'job_1'", "en") == "there is no job 'job_1'"
    assert translate("words that nobody knows", "pt-BR") == "words that nobody knows"


@given(st.text(max_size=80))
def test_values_are_put_in_as_they_are(value: str) -> None:
    assert translate(f"there is no job {value}", "pt-BR").startswith("não há tarefa ")


def test_errors_are_found_where_they_are_raised() -> None:
    source = b'raise OptionError(f"a key has {n} letters, not {m} or {n}")\nraise ValueError("x")\n'
    assert list(errors(io.BytesIO(source), {}, (), {})) == [(1, "", "a key has {0} letters, not {1} or {0}", [])]
    assert pattern(ast.parse("name", mode="eval").body) is None


def test_every_word_of_the_page_is_translated() -> None:
    """Errors may be missing, and then stay English; words of the page may not."""
    translated = catalogue("pt-BR").messages
    assert {word for word in page_words() if word not in translated} == set()


def test_translations_keep_their_places() -> None:
    for message, translation in catalogue("pt-BR").messages.items():
        assert sorted(PLACES.findall(message)) == sorted(PLACES.findall(translation)), message


def test_the_compiled_catalogue_is_that_of_the_po_file() -> None:
    with PO.open("rb") as file:
        compiled = io.BytesIO()
        write_mo(compiled, read_po(file, "pt_BR"))
    assert compiled.getvalue() == PO.with_suffix(".mo").read_bytes(), "run: make words"


def page_words() -> set[str]:
    with (ROOT / "babel.cfg").open() as file:
        mapping, options = parse_mapping_cfg(file)
    mapping = [(place, method) for place, method in mapping if "extract:errors" not in method]
    found = extract_from_dir(ROOT, mapping, options, keywords={"_": None, "t": (1,), "gettext": None})
    return {str(message) for _, _, message, _, _ in found}
