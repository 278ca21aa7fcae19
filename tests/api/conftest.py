"""A service in this process on a quick engine of a third party, and one that listens on a port."""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
import yaml
from fastapi.testclient import TestClient

from locutor.api.app import create_app, limits_of
from locutor.api.deps import Context
from locutor.audio import io
from locutor.bootstrap import speech_backend
from locutor.serving.backend import SpeechBackend
from locutor.serving.metrics import SpeechMetrics
from locutor.settings import Settings, load_settings
from locutor.types import Waveform

TONE_ENGINE = Path(__file__).parents[1] / "tone_engine"
DEFAULT_VOICE = Path(__file__).parents[2] / "src" / "locutor" / "voices" / "presets" / "default.flac"
CARD = {"id": "tones", "engine": "tone", "title": "Tones", "languages": ["en", "pt-BR"], "licence": "CC0-1.0"}


@dataclass(frozen=True)
class Service:
    """client: asks the app without a socket. context: what the app serves."""

    client: TestClient
    context: Context


Serve = Callable[..., AbstractContextManager[Service]]


def make_settings(data_dir: Path, **more: Any) -> Settings:
    """An installation with the quick engine's model."""
    folder = data_dir / "models" / "tones"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.yaml").write_text(yaml.safe_dump(CARD | {"commercial_use": True}))
    return load_settings(**{"data_dir": data_dir, "model": "tones", "requests_per_minute": 0} | more)


def in_process(settings: Settings, metrics: SpeechMetrics) -> SpeechBackend:
    """A thread in place of a worker process, which takes seconds to start."""
    return speech_backend(settings, limits_of(settings), in_process=True, metrics=metrics)


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    app = create_app(settings, in_process)
    with TestClient(app, base_url="http://127.0.0.1:8005") as client:
        yield Service(client, app.state.context)


@pytest.fixture(scope="module", autouse=True)
def quick_engine() -> Iterator[None]:
    """Installed for as long as these tests run, also for processes that they start; no LOCUTOR_ variable is left."""
    before, path = dict(os.environ), str(TONE_ENGINE)
    for name in [n for n in os.environ if n.startswith("LOCUTOR_")]:
        del os.environ[name]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH"))))
    sys.path.insert(0, path)
    yield
    sys.path.remove(path)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests of a file."""
    with serving(make_settings(tmp_path_factory.mktemp("service"))) as found:
        yield found


@pytest.fixture(scope="module")
def client(service: Service) -> TestClient:
    return service.client


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """serve(host="0.0.0.0", ...) -> a service of its own, of the folder tmp_path."""
    return lambda **more: serving(make_settings(tmp_path, **more))


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[str]:
    """A service on a port of this machine; the block gets its address."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as `locutor serve` does
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings, in_process), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as http:
            http.get(f"{url}/health", timeout=60)
        yield url
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that listens, one for all tests of a file."""
    with listening(make_settings(tmp_path_factory.mktemp("listening"))) as found:
        yield found


@pytest.fixture(scope="session")
def speech_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of real speech."""
    path = tmp_path_factory.mktemp("speech") / "ana.wav"
    io.write(path, io.read(DEFAULT_VOICE))
    return path


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    io.write(path, Waveform(np.zeros(5 * 16_000, np.float32), 16_000))
    return path
