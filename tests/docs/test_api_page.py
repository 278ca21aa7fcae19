"""Every example of docs/api.md works, every operation of the service has one for the shell and one in Python, and every
field of an answer is told."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from locutor.api.app import create_app
from locutor.api.schemas.jobs import EventOut
from locutor.audio import io
from locutor.settings import load_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8005"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COUNTED = re.compile(r'^http_requests_total\{method="(\w+)",route="(.*?)",status="2\d\d"\}', re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [code for found, code in BLOCK.findall(PAGE) if found == language]


@pytest.fixture(scope="module")
def kit() -> ModuleType:
    path = ROOT / "tests" / "api" / "conftest.py"
    spec = importlib.util.spec_from_file_location("service_kit_of_the_docs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def url(kit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A service of its own on the built-in model, and a user's folder with a recording."""
    for name in [n for n in os.environ if n.startswith("LOCUTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    io.write("my-voice.wav", io.read(kit.DEFAULT_VOICE))
    settings = kit.make_settings(tmp_path / "data", model="builtin", hub_url="http://127.0.0.1:9")  # nothing is fetched
    with kit.listening(settings) as found:
        yield found


def operations(url: str) -> set[tuple[str, str]]:
    """All but those of training, which docs/finetuning.md lists and tests/api/test_training.py asks."""
    paths: dict[str, Any] = httpx.get(f"{url}/openapi.json").json()["paths"]
    every = {(method.upper(), path) for path, found in paths.items() for method in found}
    return {(method, path) for method, path in every if not path.startswith("/training/")}


def answered(url: str) -> set[tuple[str, str]]:
    return set(COUNTED.findall(httpx.get(f"{url}/metrics").text))


@pytest.mark.slow
def test_the_shell_examples_use_every_operation(url: str) -> None:
    script = "\n".join(blocks("sh")[1:]).replace(ADDRESS, url)
    done = subprocess.run(["bash", "-euxo", "pipefail", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert operations(url) - answered(url) == set()
    for made in ("hello.mp3", "direct.wav", "preview.wav", "job.mp3", "ana.flac"):
        assert io.read(made).duration_s > 0.2, made


@pytest.mark.slow
def test_the_example_of_the_readme_speaks(url: str) -> None:
    [example] = [
        code for found, code in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")) if found == "sh"
    ]
    subprocess.run(["bash", "-euo", "pipefail", "-c", example.replace(ADDRESS, url)], check=True)
    assert io.read("morning.mp3").duration_s > 1


@pytest.mark.slow
def test_the_python_examples_use_every_operation(url: str) -> None:
    code = "\n".join(blocks("python")).replace(ADDRESS, url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert operations(url) - answered(url) == set()
    for made in ("hello.flac", "job.flac", "client.wav", "client.mp3", "carla.flac"):
        assert io.read(made).duration_s > 0.2, made


def test_the_first_example_is_a_command() -> None:
    from typer.testing import CliRunner

    from locutor.cli.main import app

    for command in (blocks("sh")[0].strip(), "locutor keys create"):
        result = CliRunner().invoke(app, [*command.split()[1:], "--help"])
        assert result.exit_code == 0, command


def told_fields(page: str) -> dict[str, set[str]]:
    """Answers of a page's tables, and the fields that they tell; a row without a name goes on with the one above."""
    told: dict[str, set[str]] = {}
    for table in re.findall(r"^\| answer \| fields \|\n.*\n((?:\|.*\n)+)", page, re.MULTILINE):
        name = ""
        for line in table.splitlines():
            first, fields = (cell.strip() for cell in line.strip("|").split("|"))
            name = first or name
            told.setdefault(f"{name}, {len(told)}" if first in told else name, set()).update(
                re.findall(r"`(\w+)`", fields)
            )
    return told


def answered_fields(api: dict[str, Any], training: bool) -> dict[str, set[str]]:
    """Schemas of answers that go well, with what is in them: those of training, or all others."""
    found: dict[str, set[str]] = {} if training else {"EventOut": set(EventOut.model_fields)}

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            schema = api["components"]["schemas"].get(name, {})
            if "properties" in schema and name not in found:
                found[name] = set(schema["properties"])
            walk([schema] if name else list(node.values()))

    for path, operations in api["paths"].items():
        if path.startswith("/training/") == training:
            for operation in operations.values():
                walk([answer.get("content") for status, answer in operation["responses"].items() if status < "300"])
    return found


@pytest.mark.parametrize("training", [False, True], ids=["service", "training"])
def test_every_field_of_an_answer_is_told_and_no_other(training: bool) -> None:
    answered = answered_fields(create_app(load_settings()).openapi(), training)
    told = told_fields((ROOT / "docs" / "finetuning.md").read_text(encoding="utf-8") if training else PAGE)
    assert len(answered) > 20
    assert {name: fields for name, fields in answered.items() if fields not in told.values()} == {}
    assert {name: fields for name, fields in told.items() if fields not in answered.values()} == {}
