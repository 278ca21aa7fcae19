"""Every command and every Python example of the README and docs is run, on the built-in model and a tiny F5 one."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import soundfile
import torch

from locutor.audio import io
from locutor.inference import F5TTSInferenceService
from locutor.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DEFAULT_VOICE = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"

# Commands of docs/finetuning.md: tests/runs runs what they stand on, with a dataset of its own.
NEEDS_A_VOICE = ("locutor dataset make", "locutor train", "locutor checkpoints", 'locutor say "This is my own voice."')
# Needs weights that cannot be fetched here: tests/cli/test_say_options.py says the like with a small model.
NEEDS_XTTS = ('locutor say "Bom dia." --model xtts-v2', 'locutor say "Good morning." --model xtts-v2')
# Beginnings of commands that cannot be run here: they fetch, or install, or take minutes.
NOT_RUN = (
    "git clone",
    "cd locutor",
    "make ",
    "source .venv",
    "locutor models pull",
    "locutor serve",
    "python benchmarks/",
    *NEEDS_A_VOICE,
    *NEEDS_XTTS,
)
SHORTENED = {"locutor evaluate": " --limit 1"}


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Fenced blocks of a language, each with the number of lines before it."""
    text = page.read_text(encoding="utf-8")
    return [(text[: m.start(2)].count("\n"), m[2]) for m in BLOCK.finditer(text) if m[1] == language]


def commands(page: Path) -> list[str]:
    """Shell commands, each with its continuation lines and its here-document."""
    found: list[str] = []
    open_until: str | None = None
    goes_on = False
    for line in "".join(block for _, block in blocks(page, "bash")).splitlines():
        if goes_on or open_until:
            found[-1] += "\n" + line
            open_until = None if line == open_until else open_until
        else:
            found.append(line)
        if here := re.search(r"<<'(\w+)'", line):
            open_until = here[1]
        goes_on = line.endswith("\\")
    return found


def with_blocks(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.fixture(scope="module")
def kit() -> ModuleType:
    path = ROOT / "tests" / "engines" / "f5" / "kit.py"
    spec = importlib.util.spec_from_file_location("f5_kit_of_the_docs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def one_thread() -> Iterator[None]:
    """More threads than free cores cost an order of magnitude."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def place(kit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder: a recording, an F5 checkpoint (tiny, random) with its vocoder, and nothing pulled."""
    for name in [n for n in os.environ if n.startswith("LOCUTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOCUTOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    io.write("my-voice.wav", io.read(DEFAULT_VOICE))
    written = kit.write_files(tmp_path / "F5TTS_v1_Base")
    (tmp_path / "vocos-mel-24khz").mkdir()
    written["vocoder.safetensors"].rename("vocos-mel-24khz/model.safetensors")
    written["model.safetensors"].rename("F5TTS_v1_Base/model_1250000.safetensors")
    Path("F5TTS_v1_Base/model.yaml").rename("F5TTS_v1_Base/model_1250000.yaml")
    Path("benchmarks").symlink_to(ROOT / "benchmarks")
    return tmp_path


def shell(script: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("bash"), ids=lambda page: page.name)
def test_commands_run(page: Path, place: Path) -> None:
    wanted = [command for command in commands(page) if not command.startswith(NOT_RUN)]
    lengthy = [next((more for start, more in SHORTENED.items() if c.startswith(start)), "") for c in wanted]
    done = shell("\n".join(c + more for c, more in zip(wanted, lengthy, strict=True)))
    assert done.returncode == 0, done.stderr[-3000:]
    for name in re.findall(r"-o (\S+\.(?:wav|flac|mp3|ogg|opus))|> (\S+\.flac)", "\n".join(wanted)):
        assert 0.2 < soundfile.info(next(filter(None, name))).duration < 60, name


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("bash"), ids=lambda page: page.name)
def test_commands_that_cannot_run_here_exist(page: Path, place: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in (c for c in commands(page) if c.startswith(NOT_RUN)):
        if command.startswith("make "):
            assert command.removeprefix("make ") in targets
        if command.startswith(("locutor ", "python ")):
            explained = shell(f"{command} --help")
            assert explained.returncode == 0, explained.stderr


def test_both_readmes_show_the_same() -> None:
    english, portuguese = ROOT / "README.md", ROOT / "README.pt-BR.md"
    assert commands(english) and commands(english) == commands(portuguese)
    pages = [page.read_text(encoding="utf-8") for page in (english, portuguese)]
    for shape in (r"^#+ ", r"^\|", r"^- ", r"^```"):
        assert len({len(re.findall(shape, page, re.MULTILINE)) for page in pages}) == 1, shape
    links = [{link for link in re.findall(r"\]\((.*?)\)", page) if not link.startswith("README")} for page in pages]
    assert links[0] == links[1]


def run_python(page: Path) -> dict[str, Any]:
    """All Python blocks of a page in one namespace; tracebacks name the page's lines."""
    namespace: dict[str, Any] = {"__name__": page.stem}
    for line, code in blocks(page, "python"):
        exec(compile("\n" * line + code, page.name, "exec"), namespace)
    return namespace


def post(port: int, body: dict[str, Any]) -> tuple[int, str, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/speak", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_python_examples_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_blocks("python") == [
        ROOT / "docs" / "api.md",
        ROOT / "docs" / "inference.md",
    ]  # test_api_page.py runs the first
    monkeypatch.setattr(F5TTSInferenceService, "_instance", None)
    names = run_python(ROOT / "docs" / "inference.md")
    lines = [f"out/line_{n:02d}.wav" for n in (1, 2, 3)]
    samples = [f"out/samples/step_{n:06d}.wav" for n in (100, 200)]
    for made in ("out/simple.wav", "out/best.flac", "out/builtin.wav", *lines, *samples):
        assert soundfile.info(made).duration > 0.2, made
    assert names["three_s"].size / 24_000 == pytest.approx(3, abs=0.1)
    assert names["service"].is_configured() and not names["service"].is_loaded()
    try_handler(names["SpeechHandler"])
    names["service"].unload_model()
    before = torch.get_rng_state()
    names["listen"](Path("F5TTS_v1_Base/model_1250000.safetensors"), 300)
    assert torch.equal(torch.get_rng_state(), before), "the page promises that a training's draws are left alone"


def try_handler(handler: type[Any]) -> None:
    """The REST example of the page, asked rightly and wrongly."""
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            status, kind, body = post(server.server_port, {"text": "what a day"})
            assert (status, kind) == (200, "audio/wav") and io.decode(body).duration_s > 0.2
            for wrong in ({"text": " "}, {}, {"text": "hello", "speed": 9}):
                status, kind, body = post(server.server_port, wrong)
                assert status == 400 and body, wrong
        finally:
            server.shutdown()
            thread.join()


def test_the_settings_file_is_read(place: Path) -> None:
    [(_, content)] = blocks(ROOT / "docs" / "configuration.md", "toml")
    Path("locutor.toml").write_text(content)
    settings, plain = load_settings(), Settings.model_construct()
    for name, value in tomllib.loads(content).items():
        read = getattr(settings, name)
        assert (list(read) if isinstance(read, tuple) else read) == value != getattr(plain, name)
