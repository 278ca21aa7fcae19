import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis import weights
from locutor.analysis.mos import DistillMos
from locutor.audio.io import read
from locutor.errors import AudioError, MissingExtraError
from locutor.types import Waveform

CLIPS = Path(__file__).parent / "clips"


@pytest.mark.skipif(find_spec("distillmos") is None, reason="distillmos is not installed")
def test_clean_speech_is_rated_above_noisy_speech(capsys: pytest.CaptureFixture[str]) -> None:
    predictor = DistillMos()
    speech = read(CLIPS / "en_a1.opus")
    noise = np.random.default_rng(0).standard_normal(speech.n_samples) * 0.05
    clean, noisy = predictor.predict(speech), predictor.predict(Waveform(speech.samples + noise, 16_000))
    assert clean == pytest.approx(4.16, abs=0.05)
    assert 1 <= noisy < clean - 1
    assert capsys.readouterr().out == ""  # the package would print a line
    assert getattr(sys.modules.get("torchaudio"), "__spec__", "absent") is not None  # no empty stand-in left behind
    with pytest.raises(AudioError, match="silence"):
        predictor.predict(Waveform(np.zeros(16_000), 16_000))


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match="distillmos is not .*: pip install --no-deps resemblyzer distillmos xls-r-sqa"
    ):
        DistillMos()
