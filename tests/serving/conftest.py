import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from locutor.audio import io
from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.serving.device import DeviceExecutor
from locutor.serving.executor import Executor
from locutor.serving.limits import ServingLimits
from locutor.serving.metrics import SpeechMetrics
from locutor.serving.models import ModelLoader
from locutor.serving.service import SpeechService
from locutor.serving.speak import LocalSpeech
from locutor.serving.worker import WorkerExecutor
from locutor.types import Waveform
from locutor.voices.store import Voice


@pytest.fixture
def engine(tone: Any) -> Any:
    return tone.ToneEngine()


@pytest.fixture
def speech(engine: Any) -> LocalSpeech:
    card = ModelCard(id="tones", engine="tone", title="T", languages=("en",), licence="CC0-1.0", commercial_use=True)
    return LocalSpeech(engine=engine, checkpoint=Checkpoint(card, {}, "f" * 64), device="cpu")


@pytest.fixture
def voice(recording: Path) -> Voice:
    return Voice.from_file(recording)


TONE_ENGINE = Path(__file__).parents[1] / "tone_engine"
OpenService = Callable[..., Any]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with two models of the tone engine, and a recording beside it."""
    folder = tmp_path_factory.mktemp("installation")
    for name in ("tones", "more-tones"):
        (folder / "models" / name).mkdir(parents=True)
        card = {"id": name, "engine": "tone", "title": name, "languages": ["en"], "licence": "CC0-1.0"}
        (folder / "models" / name / "card.yaml").write_text(yaml.safe_dump(card | {"commercial_use": True}))
    time_s = np.arange(32_000, dtype=np.float32) / 16_000
    io.write(folder / "ref.wav", Waveform(0.3 * np.sin(2 * np.pi * 220 * time_s), 16_000))
    sys.path.insert(0, str(TONE_ENGINE))
    yield folder
    sys.path.remove(str(TONE_ENGINE))


@contextmanager
def tone_service(installation: Path, kind: str, **limits: Any) -> Iterator[SpeechService]:
    load = ModelLoader(data_dir=installation, hub_url="http://127.0.0.1:9", offline=True, device="cpu", threads=1)
    chosen, metrics = ServingLimits(**limits), SpeechMetrics()
    executor: Executor
    if kind == "worker":
        executor = WorkerExecutor(load, chosen, metrics.batch_done, metrics.worker_restarts.inc)
    else:
        executor = DeviceExecutor(load, chosen, metrics.batch_done)
    service = SpeechService([executor], "tones", chosen, metrics)
    try:
        yield service
    finally:
        service.close()


@pytest.fixture(scope="module")
def open_service() -> OpenService:
    """open_service(installation, "worker" or "in process", **limits) as a context."""
    return tone_service


@pytest.fixture(scope="module", params=["in process", "worker"])
def service(request: pytest.FixtureRequest, installation: Path) -> Iterator[SpeechService]:
    with tone_service(installation, request.param) as service:
        yield service


@pytest.fixture
def ref(installation: Path) -> Voice:
    return Voice.from_file(installation / "ref.wav")
