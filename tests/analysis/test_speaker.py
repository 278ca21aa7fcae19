import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.speaker import LstmSpeakerEncoder, similarity
from locutor.audio.io import read
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Waveform

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(find_spec("resemblyzer") is None, reason="resemblyzer (weights) is not installed")


@pytest.fixture(scope="module")
def encoder() -> LstmSpeakerEncoder:
    return LstmSpeakerEncoder()


def clip(name: str) -> Waveform:
    return read(HERE / "clips" / f"{name}.opus")


@pytest.mark.parametrize("case", json.loads((HERE / "goldens" / "resemblyzer.json").read_text()))
def test_equals_resemblyzer(encoder: LstmSpeakerEncoder, case: dict) -> None:
    speech = clip(case["clip"])
    repeated = Waveform(np.tile(speech.samples, case["repeats"]) * np.float32(case["gain"]), speech.sample_rate)
    np.testing.assert_allclose(encoder.embed(repeated), case["embedding"], atol=2e-6)


def test_one_voice_is_nearer_than_another(encoder: LstmSpeakerEncoder) -> None:
    a1, a2, b1 = (encoder.embed(clip(name)) for name in ("en_a1", "en_a2", "en_b1"))
    assert similarity(a1, a2) > max(similarity(a1, b1), similarity(a2, b1)) + 0.05
    assert similarity(a1, a1) == pytest.approx(1)


def test_embedding(encoder: LstmSpeakerEncoder) -> None:
    embedding = encoder.embed(clip("en_a1"))
    assert embedding.shape == (256,) and embedding.dtype == np.float32 and embedding.min() >= 0
    assert np.linalg.norm(embedding) == pytest.approx(1)
    assert similarity(embedding, encoder.embed(resample(clip("en_a1"), 24_000))) > 0.99
    very_short = Waveform(clip("en_a1").samples[8000:8400], 16_000)
    assert np.isfinite(encoder.embed(very_short)).all()


@pytest.mark.parametrize("n_samples", [0, 16_000])
def test_silence_has_no_voice(encoder: LstmSpeakerEncoder, n_samples: int) -> None:
    with pytest.raises(AudioError, match="silence"):
        encoder.embed(Waveform(np.zeros(n_samples), 16_000))
