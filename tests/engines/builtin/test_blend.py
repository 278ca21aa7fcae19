"""Mixtures of voices."""

import numpy as np
import pytest

from locutor.audio.level import rms
from locutor.engines.builtin.blend import BLENDED_S, LEVEL, blended_reference
from locutor.errors import AudioError
from locutor.types import Waveform


def hum(hertz: float, duration_s: float, rate: int = 24_000, gain: float = 0.3) -> Waveform:
    time_s = np.arange(round(duration_s * rate)) / rate
    return Waveform((gain * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32), rate)


def test_each_voice_has_its_share_at_the_same_level() -> None:
    mixed = blended_reference([hum(200, 12), hum(400, 12, 16_000, 0.01)], [0.75, 0.25])
    assert mixed.sample_rate == 24_000 and mixed.duration_s == pytest.approx(BLENDED_S, abs=0.01)
    first, second = (Waveform(part, 24_000) for part in np.split(mixed.samples, [round(7.5 * 24_000)]))
    assert rms(first) == pytest.approx(LEVEL, rel=0.01) and rms(second) == pytest.approx(LEVEL, rel=0.01)


def test_a_short_recording_shortens_all() -> None:
    assert blended_reference([hum(200, 12), hum(400, 2)], [0.5, 0.5]).duration_s == pytest.approx(4, abs=0.01)


def test_a_weight_that_leaves_nothing_to_hear() -> None:
    with pytest.raises(AudioError, match=r"a weight of 0\.04 leaves 0\.40 s of a voice"):
        blended_reference([hum(200, 12), hum(400, 12)], [0.96, 0.04])
