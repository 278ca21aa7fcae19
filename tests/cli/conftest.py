"""Running commands: in this process for speed, or as a user does where the process itself matters."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from locutor.cli.main import app

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An installation of its own, in the folder the commands run in; logging is put back."""
    logger = logging.getLogger("locutor")
    handlers, level = logger.handlers, logger.level
    for name in [n for n in os.environ if n.startswith("LOCUTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOCUTOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    logger.handlers = handlers
    logger.setLevel(level)


@pytest.fixture
def run() -> Run:
    """run("say", "Hello.") -> exit_code, stdout, stderr."""
    return lambda *args, **options: CliRunner().invoke(app, [str(arg) for arg in args], **options)


@pytest.fixture
def tones(tone: Any, home: Path) -> str:
    """A model of the quick third-party engine, installed."""
    folder = home / "data" / "models" / "tones"
    folder.mkdir(parents=True)
    card = {"id": "tones", "engine": "tone", "title": "Tones", "languages": ["en", "pt-BR"], "licence": "CC0-1.0"}
    (folder / "card.yaml").write_text(yaml.safe_dump(card | {"commercial_use": True}))
    return "tones"


@pytest.fixture
def start(home: Path) -> Callable[..., "subprocess.Popen[bytes]"]:
    """A command as a process, with pipes on all three streams."""

    def popen(
        *args: str, stdin: int = subprocess.PIPE, stdout: Any = subprocess.PIPE, **environ: str
    ) -> "subprocess.Popen[bytes]":
        path = str(Path(__file__).parents[1] / "tone_engine")
        return subprocess.Popen(
            [sys.executable, "-m", "locutor.cli.main", *args],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environ},
        )

    return popen


def one_sentence(result: Result, code: int) -> str:
    """The error of a failed command, which is one line on stderr and nothing on stdout."""
    assert result.exit_code == code, result.output
    assert result.stdout == "" and "Traceback" not in result.stderr
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.fixture
def refused() -> Callable[[Result, int], str]:
    return one_sentence
