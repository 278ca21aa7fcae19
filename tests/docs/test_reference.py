"""What the pages say of commands, settings, names, defaults, licences and files is what the code says."""

import importlib.util
import inspect
import re
import tomllib
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from locutor.engines.base import EngineInfo
from locutor.engines.card import bundled_cards
from locutor.inference import F5TTSInference, F5TTSInferenceService
from locutor.legacy import REMOVED, RENAMED
from locutor.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
CARD = ROOT / "src" / "locutor" / "engines" / "builtin" / "CARD.md"
PAGES = [ROOT / "README.md", ROOT / "README.pt-BR.md", *sorted((ROOT / "docs").glob("*.md")), CARD]
PAGES += sorted((ROOT / "recipes").rglob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str, header: str) -> list[list[str]]:
    """Cells of the tables whose header row begins with `header`, backticks taken off."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        inside = line.startswith("|") and (inside or line.startswith(header))
        if inside and not line.startswith((header, "|---")):
            found.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    assert found, f"no table begins with {header!r}"
    return found


@pytest.fixture(scope="module")
def cli_tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_tables", ROOT / "docs" / "cli_tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cli_page_is_up_to_date(cli_tables: ModuleType) -> None:
    page = read("docs/cli.md")
    assert page == cli_tables.rewritten(page), "run: python docs/cli_tables.py"
    for name, command in cli_tables.commands():
        assert not cli_tables.table(command) or f"<!-- options of {name} -->" in page, name
        assert name == "locutor" or re.search(rf"^#+ {name}$", page, re.MULTILINE), name


def test_every_variable_is_documented() -> None:
    documented = {row[0]: row for row in rows(read("docs/configuration.md"), "| variable |")}
    settings = {f"LOCUTOR_{name.upper()}": (name, field) for name, field in Settings.model_fields.items()}
    assert documented.keys() == settings.keys() | {"LOCUTOR_CONFIG"}
    for variable, (name, field) in settings.items():
        _, in_file, default, _ = documented[variable]
        assert in_file == name
        if isinstance(field.default, (str, bool, int, float)):
            assert default == str(field.default).replace("False", "false").replace("True", "true"), variable
    for path in (ROOT / "src").rglob("*.py"):
        mentioned = re.findall(r"LOCUTOR_[A-Z][A-Z_]+\b", path.read_text(encoding="utf-8"))
        assert set(mentioned) <= documented.keys(), path
    for page in PAGES:
        assert set(re.findall(r"LOCUTOR_[A-Z][A-Z_]+\b", page.read_text(encoding="utf-8"))) <= documented.keys(), page


def test_the_example_of_an_environment_has_every_variable_with_its_default() -> None:
    lines = [line.removeprefix("# ") for line in read(".env.example").splitlines() if line.startswith("# LOCUTOR_")]
    values = dict(line.split("=", 1) for line in lines)
    assert values.keys() == {f"LOCUTOR_{name.upper()}" for name in Settings.model_fields} | {"LOCUTOR_CONFIG"}
    for name, field in Settings.model_fields.items():
        value = values[f"LOCUTOR_{name.upper()}"]
        assert load_settings(**{name: value}), name
        if isinstance(field.default, (str, bool, int, float)):
            assert value == str(field.default).replace("False", "false").replace("True", "true"), name


def test_variables_of_the_program_before_are_listed() -> None:
    page = read("docs/configuration.md")
    assert {row[0]: row[1] for row in rows(page, "| there | here |")} == {
        old: f"LOCUTOR_{new.upper()}" for old, new in RENAMED.items()
    }
    assert {row[0]: row[1].lower() for row in rows(page, "| not read |")} == {
        o: w.lower().replace("`", "") for o, w in REMOVED.items()
    }


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~ \[]", requirement)[0]


def test_every_dependency_is_justified() -> None:
    page = read("docs/dependencies.md")
    extras = {k: set(map(name_of, v)) for k, v in PROJECT["project"]["optional-dependencies"].items()}
    always = set(map(name_of, PROJECT["project"]["dependencies"]))
    always_table, extra_table = rows(page, "| package | licence |"), rows(page, "| package | extra |")
    assert [row[0] for row in always_table] == [name_of(r) for r in PROJECT["project"]["dependencies"]]
    development = extras.pop("dev")
    assert {(row[1], row[0]) for row in extra_table} == {(e, p) for e, packages in extras.items() for p in packages}
    assert {row[0] for row in rows(page, "| tool |")} == development
    assert len(always.union(*extras.values())) <= 36
    for row in (*always_table, *extra_table):
        assert all(row), row


def test_licences_are_those_of_the_installed_packages() -> None:
    page = read("docs/dependencies.md")
    said = {row[0]: row[1] for row in rows(page, "| package | licence |")}
    said |= {row[0]: row[2] for row in rows(page, "| package | extra |")}
    checked = 0
    for package, licence in said.items():
        try:
            found = metadata(package)
        except PackageNotFoundError:
            continue
        states = " ".join([found["License-Expression"] or "", (found["License"] or "")[:80]])
        states += " ".join(c for c in found.get_all("Classifier") or [] if c.startswith("License"))
        family = re.match(r"[A-Za-z]+", licence)
        assert family is not None and family[0] in states, (package, licence, states)
        checked += 1
    assert checked >= len(PROJECT["project"]["dependencies"])


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), link
    named = re.findall(r"(?<![\w/])((?:src|tests|recipes|docs|benchmarks)/[\w./-]+\.(?:py|sh|md|yaml))", text)
    for token in [*named, *re.findall(r"`([\w./-]+/[\w./-]*)`", text)]:
        if token.endswith(".py") or token.startswith(("src/", "tests/", "recipes/", "docs/", "benchmarks/")):
            assert (ROOT / token).exists() or (ROOT / "src" / "locutor" / token).exists(), token


def test_layers_are_those_that_are_checked() -> None:
    [contract] = [c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    there = [[m for m in layer.split(" | ") if not m.startswith("(")] for layer in contract["layers"]]
    block = re.search(r"```text\n(.*?)```", read("docs/architecture.md"), re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == [" | ".join(layer) for layer in there if layer]


def signature(function: Any, name: str) -> str:
    """As one writes it: name(a, b=1, *, c=None)."""
    taken = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    bare = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in taken])
    return name + str(bare).replace("'", '"')


def public_methods(kind: type[Any]) -> list[str]:
    return [n for n, f in inspect.getmembers(kind) if not n.startswith("_") and callable(f)]


def test_the_python_page_names_everything() -> None:
    page = " ".join(read("docs/inference.md").split())
    assert signature(F5TTSInference, "F5TTSInference") in page
    for name in public_methods(F5TTSInference):
        assert f"`{signature(getattr(F5TTSInference, name), name)}`" in page, name
    shortened = {"generate": "generate(...)", "get_instance": "F5TTSInferenceService.get_instance()"}
    for name in public_methods(F5TTSInferenceService):
        written = shortened.get(name) or signature(getattr(F5TTSInferenceService, name), name)
        assert f"`{written}`" in page, written
    for parameter in inspect.signature(F5TTSInference).parameters:
        assert f"`{parameter}`" in page, parameter
    for field in fields(EngineInfo):
        assert f"`{field.name}`" in page, field.name


def test_quality_defaults() -> None:
    from locutor.engines.builtin import solve as builtin
    from locutor.engines.f5 import sampling as f5

    table = {row[0]: row[1:3] for row in rows(read("docs/inference.md"), "| parameter | built-in |")}
    api = inspect.signature(F5TTSInference.generate).parameters
    for name in ("nfe_step", "cfg_strength", "sway_sampling_coef"):
        ours, theirs = (getattr(m.SolveOptions(), name) for m in (builtin, f5))
        assert table[name] == [str(ours), str(theirs)], name
        assert theirs == api[name].default


def test_troubleshooting_quotes_real_messages() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for message, advice in rows(read("docs/inference.md"), "| message |"):
        assert message in source and advice, message


def test_models_page_lists_the_bundled_cards() -> None:
    listed = {row[0]: row[1:5] for row in rows(read("docs/models.md"), "| id |")}
    cards = bundled_cards()
    assert listed.keys() == cards.keys()
    for name, card in cards.items():
        use = "yes" if card.commercial_use else "no"
        assert listed[name] == [card.engine, ", ".join(card.languages) or "-", card.licence, use], name


def test_card_of_the_builtin_model() -> None:
    from locutor.engines.builtin.engine import INFO, WEIGHTS, read_networks

    page = CARD.read_text(encoding="utf-8")
    assert f"**Licence:** {INFO.licence}" in page and INFO.licence == bundled_cards()["builtin"].licence
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in read_networks().parts().items()}
    stated = [row[1] for row in rows(page, "| part | parameters |")]
    assert stated == [f"{n / 1e6:.1f} M" for n in parts.values()]
    assert f"{sum(parts.values()) / 1e6:.1f} million parameters" in " ".join(page.split())
    assert f"{WEIGHTS.stat().st_size / 1e6:.1f} MB" in page


def test_every_request_of_training_is_listed() -> None:
    from locutor.api.routes import training, training_datasets, training_speech

    page = read("docs/finetuning.md")
    for router in (training.router, training_datasets.router, training_speech.router):
        for route in router.routes:
            path = getattr(route, "path", "")
            parent, _, last = path.rpartition("/")
            assert f"{path}`" in page or f"{path}?" in page or (parent in page and f"`{last}`" in page), path
