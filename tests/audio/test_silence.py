import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from locutor.audio import silence
from locutor.types import Waveform

CASES = json.loads((Path(__file__).parent / "goldens" / "pydub_silence.json").read_text())


def build(case: dict[str, Any]) -> Waveform:
    parts = [np.where(np.arange(n) % 2 == 0, a, -b) for n, a, b in case["parts"]]
    return Waveform(np.concatenate(parts) / 32768, case["rate"])


@pytest.mark.parametrize("case", CASES)
def test_equals_pydub(case: dict[str, Any]) -> None:
    waveform = build(case)
    assert silence.length_ms(waveform) == case["length"]
    for settings, expected in case["silent"]:
        assert silence.detect_silence(waveform, *settings) == [tuple(span) for span in expected]
    for settings, expected in case["nonsilent"]:
        assert silence.detect_nonsilent(waveform, *settings) == [tuple(span) for span in expected]
    for settings, expected in case["split"]:
        assert [piece.n_samples for piece in silence.split_on_silence(waveform, *settings)] == expected
    for threshold_dbfs, expected in case["leading"]:
        assert silence.leading_silence_ms(waveform, threshold_dbfs) == expected
    assert silence.trim_ms(waveform, -42).n_samples == case["trimmed"]


def test_the_goldens_hold_silence_speech_and_several_spans() -> None:
    spans = [len(expected) for case in CASES for _, expected in case["silent"]]
    assert min(spans) == 0 and max(spans) >= 3
    assert any(case["trimmed"] == 0 for case in CASES)


def test_pieces_hold_the_samples_of_their_place() -> None:
    loud, quiet = np.full(24_000, 0.5, np.float32), np.zeros(48_000, np.float32)
    ramp = np.linspace(0.1, 0.9, 24_000, dtype=np.float32)
    first, second = silence.split_on_silence(Waveform(np.concatenate([loud, quiet, ramp]), 24_000), 1000, -50, 200)
    np.testing.assert_array_equal(first.samples, np.concatenate([loud, quiet[:4_800]]))
    np.testing.assert_array_equal(second.samples, np.concatenate([quiet[:4_800], ramp]))


def test_no_samples() -> None:
    empty = Waveform(np.zeros(0), 24_000)
    assert silence.detect_silence(empty, 100, -40) == []
    assert silence.leading_silence_ms(empty, -42) == 0
    assert silence.trim_ms(empty, -42).n_samples == 0
