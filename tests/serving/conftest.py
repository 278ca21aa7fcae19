from pathlib import Path
from typing import Any

import pytest

from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.serving.speak import LocalSpeech
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
