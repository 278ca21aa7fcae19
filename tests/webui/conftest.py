"""A live service in a process of its own, and a real browser in front of it."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
DEFAULT_VOICE = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP studio.lan 127.0.0.1",
]  # fmt: skip
START_S = 120
READY_MS = 60_000
EXPECT_MS = 20_000


@dataclass
class Server:
    """`locutor serve` with a data folder of its own; it can be killed and started again on the same port."""

    data_dir: Path
    port: int
    host: str = "127.0.0.1"
    process: "subprocess.Popen[bytes] | None" = None
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "locutor.cli.main", "serve", "--host", self.host, "--port", str(self.port)]
        environ = os.environ | {"LOCUTOR_DATA_DIR": str(self.data_dir), "LOCUTOR_REQUESTS_PER_MINUTE": "0"}
        with (self.data_dir / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environ | self.environ, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError((self.data_dir / "serve.log").read_text()[-3000:])

    def kill(self) -> None:
        """Without a word, as when the power fails."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


MakeServer = Callable[..., Server]


@pytest.fixture(scope="session")
def make_server() -> MakeServer:
    """A service on a free port, not yet started."""
    return lambda data_dir, **more: Server(data_dir, free_port(), **more)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("studio"), free_port())
    try:
        made.start()
        yield made
    finally:
        made.kill()


def _script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str((ROOT / path).parent))  # as when it is run: it may need its neighbours
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


@pytest.fixture(scope="session")
def content() -> ModuleType:
    """What pictures and tests of the studio are filled with."""
    return _script("scripts/studio_content.py")


@pytest.fixture(scope="session")
def benchmark() -> ModuleType:
    """What measures the studio."""
    return _script("benchmarks/studio.py")


@pytest.fixture(scope="session")
def filled(
    content: ModuleType, install_xtts: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Another service, with voices, takes, a batch, a dataset, a training run and a small XTTS-v2 in it."""
    made = Server(tmp_path_factory.mktemp("filled"), free_port())
    install_xtts(made.data_dir)
    try:
        made.start()
        with httpx.Client(base_url=made.url, timeout=300) as client:
            content.fill(client, epochs=1, n_recordings=4, evaluate=False)
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Without it the tests are skipped, but never in CI."""
    path = shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed; make test installs it")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        expect.set_options(timeout=EXPECT_MS)
        yield opened
        opened.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(server: Server, browser: Browser) -> Iterator[Open]:
    """Opens a page of the studio and waits until it shows its data; what the console complains of fails the test."""
    contexts, problems = [], list[str]()

    def complain(message: ConsoleMessage, allow: tuple[str, ...]) -> None:
        if message.type == "error" and not any(words in message.text for words in allow):
            problems.append(f"{message.text} {message.location.get('url')}")

    def open_it(name: str = "studio", *, allow: tuple[str, ...] = (), at: str | None = None, **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(READY_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: complain(message, allow))
        page.goto(f"{at or server.url}/webui/{name}")
        page.wait_for_selector("[data-ready]", state="attached")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []
