from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.vad import SileroVad, _runs
from locutor.audio.edit import pad
from locutor.audio.io import read
from locutor.types import Waveform

CLIPS = Path(__file__).parent / "clips"


@pytest.mark.skipif(find_spec("silero_vad") is None, reason="silero-vad is not installed")
def test_speech_among_silence() -> None:
    vad = SileroVad()
    speech = read(CLIPS / "en_a1.opus")
    padded = pad(speech, 1.5, 1.0)
    spans = vad.speech(padded)
    assert spans[0].start_s == pytest.approx(1.5, abs=0.3)
    assert spans[-1].end_s == pytest.approx(1.5 + speech.duration_s, abs=0.3)
    assert vad.probabilities(padded).size == -(-padded.n_samples // 512)
    assert vad.speech(Waveform(np.zeros(16_000), 16_000)) == []
    assert vad.speech(Waveform(np.zeros(0), 16_000)) == []


def test_runs_close_after_the_gap_and_hold_below_the_threshold() -> None:
    p = np.array([0.1, 0.6, 0.4, 0.1, 0.6, 0.1, 0.1, 0.1, 0.9])
    assert _runs(p, 0.5, 2) == [(1, 5), (8, 9)]
    assert _runs(p[:3], 0.5, 2) == [(1, 3)]
    assert _runs(p * 0, 0.5, 2) == []
