"""One catalogue for page, command line and errors."""

import ast
import io
import re
import time
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from locutor import errors as tree
from locutor.api.errors import ApiError
from locutor.i18n import LANGUAGES, catalogue, choose_language, translate
from locutor.i18n.extract import errors, pattern, sentences

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "locutor"
PO = ROOT / "src" / "locutor" / "i18n" / "locales" / "pt_BR" / "LC_MESSAGES" / "locutor.po"
PLACES = re.compile(r"\{\w+\}|%\(\w+\)s")
WORD = re.compile("[a-z]")
RAISED = {name for name, kind in vars(tree).items() if isinstance(kind, type)} | {ApiError.__name__}
# What says again what another error or the service said, which is a sentence of the catalogue already.
SAID_BEFORE = {
    "api/uploads.py": {"str(error).replace(str(path), name)"},
    "client/calls.py": {"detail"},
    "runs/supervise.py": {"status.message"},
    "serving/executor.py": {"self.message"},
    "serving/script.py": {"'; '.join(missing)"},
}


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


def test_a_value_may_be_a_sentence_itself() -> None:
    told = translate("cannot write out.wav: No space left on device", "pt-BR")
    assert told == "não foi possível gravar out.wav: não há espaço no disco"
    told = translate("text: Field required; speed: Input should be less than or equal to 2", "pt-BR")
    assert told == "text: campo obrigatório; speed: o valor precisa ser no máximo 2"


@given(
    st.lists(st.sampled_from(["a", "{0}", "{1}", " ", ": ", " is not ", "job", " must be "]), min_size=1, max_size=300)
)
def test_any_sentence_is_soon_told(parts: list[str]) -> None:
    begin = time.monotonic()
    assert translate("".join(parts), "en") == "".join(parts)
    assert translate("".join(parts), "pt-BR")
    assert time.monotonic() - begin < 2


def test_errors_are_found_where_they_are_raised() -> None:
    source = b'raise OptionError(f"a key has {n} letters, not {m} or {n}")\nraise ValueError("x")\n'
    assert list(errors(io.BytesIO(source), {}, (), {})) == [(1, "", "a key has {0} letters, not {1} or {0}", [])]
    assert pattern(ast.parse("name", mode="eval").body) is None
    chosen = """'all is well' if ok else f"it ends: {why or 'nobody knows'}\""""
    found = sentences(ast.parse(chosen, mode="eval").body)
    assert found == ["all is well", "it ends: {0}", "nobody knows"]


def test_every_word_is_translated() -> None:
    """Of the page, of the errors, and of what is stored."""
    translated = catalogue("pt-BR").messages
    assert {word for word in every_word() if word not in translated} == set(), "run make words, and translate them"


def test_every_error_is_found_by_the_catalogue() -> None:
    """A message that is put together elsewhere would stay English."""
    translated, lost = catalogue("pt-BR").messages, []
    for file in SRC.rglob("*.py"):
        path = file.relative_to(SRC).as_posix()
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and (kind := ast.unparse(call.func).rpartition(".")[2]) in RAISED:
                message = call.args[2 if kind == ApiError.__name__ else 0]
                known = [said in translated or not WORD.search(said) for said in sentences(message)]
                is_known = kind == tree.MissingExtraError.__name__ or (known and all(known))
                if not is_known and ast.unparse(message) not in SAID_BEFORE.get(path, set()):
                    lost.append(f"{path}:{call.lineno}: {ast.unparse(message)}")
    assert lost == []


def test_translations_keep_their_places() -> None:
    for message, translation in catalogue("pt-BR").messages.items():
        assert sorted(PLACES.findall(message)) == sorted(PLACES.findall(translation)), message


def test_no_sentence_is_taken_for_another() -> None:
    for message, translation in catalogue("pt-BR").messages.items():
        said, told = (re.sub(r"\{(\d+)\}", r"value\1", text) for text in (message, translation))
        assert translate(said, "pt-BR") == told


def test_the_compiled_catalogue_is_that_of_the_po_file() -> None:
    with PO.open("rb") as file:
        compiled = io.BytesIO()
        write_mo(compiled, read_po(file, "pt_BR"))
    assert compiled.getvalue() == PO.with_suffix(".mo").read_bytes(), "run: make words"


def every_word() -> set[str]:
    with (ROOT / "babel.cfg").open() as file:
        mapping, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, mapping, options, keywords={"_": None, "t": (1,), "gettext": None})
    return {str(message) for _, _, message, _, _ in found}
