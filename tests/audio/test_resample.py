import numpy as np
import pytest

from locutor.audio.level import rms
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Waveform


def tone(rate: int, hz: float) -> Waveform:
    return Waveform(0.5 * np.sin(2 * np.pi * hz * np.arange(2 * rate) / rate), rate)


@pytest.mark.parametrize(("old", "new"), [(16_000, 24_000), (44_100, 24_000), (48_000, 16_000)])
def test_a_tone_stays_in_place(old: int, new: int) -> None:
    there = resample(tone(old, 997), new)
    assert (there.sample_rate, there.n_samples) == (new, 2 * new)
    middle = slice(new // 10, -new // 10)
    np.testing.assert_allclose(there.samples[middle], tone(new, 997).samples[middle], atol=1e-4)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    assert rms(resample(tone(48_000, 13_000), 24_000)) < 1e-3


def test_same_rate_and_no_samples() -> None:
    waveform = tone(24_000, 440)
    assert resample(waveform, 24_000) is waveform
    assert resample(Waveform(np.zeros(0), 24_000), 16_000).n_samples == 0


@pytest.mark.parametrize("rate", [0, -1])
def test_bad_rate(rate: int) -> None:
    with pytest.raises(AudioError, match="must be positive"):
        resample(tone(24_000, 440), rate)
