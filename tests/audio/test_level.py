import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio import level
from locutor.errors import AudioError, OptionError
from locutor.types import Waveform

SILENCE = Waveform(np.zeros(24_000), 24_000)
EMPTY = Waveform(np.zeros(0), 24_000)


def tone(amplitude: float, seconds: float = 1.0, hz: float = 997, rate: int = 48_000) -> Waveform:
    return Waveform(amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate), rate)


def test_rms_and_level_of_a_sine() -> None:
    assert level.rms(tone(0.5)) == pytest.approx(0.5 / math.sqrt(2), rel=1e-4)
    assert level.level_dbfs(tone(0.5)) == pytest.approx(-9.03, abs=0.01)
    assert level.level_dbfs(SILENCE) == level.level_dbfs(EMPTY) == -math.inf


@pytest.mark.parametrize("seconds", [0.01, 0.2, 0.4, 1, 20])
def test_loudness_of_a_sine(seconds: float) -> None:
    # EBU Tech 3341: a stereo tone of -23 dBFS has -23 LUFS; one channel of it has 3 LU less
    assert level.loudness_lufs(tone(10 ** (-23 / 20), seconds, 1000)) == pytest.approx(-26.0, abs=0.15)


def test_loudness_of_nothing() -> None:
    assert level.loudness_lufs(SILENCE) == level.loudness_lufs(EMPTY) == -math.inf
    assert level.loudness_lufs(tone(1e-5)) == -math.inf


def test_set_loudness() -> None:
    assert level.loudness_lufs(level.set_loudness(tone(0.05, 3), -23)) == pytest.approx(-23, abs=0.01)
    with pytest.raises(AudioError, match="below -70 LUFS"):
        level.set_loudness(SILENCE, -23)
    with pytest.raises(OptionError, match="not 3"):
        level.set_loudness(tone(0.1), 3)


def test_set_rms() -> None:
    assert level.rms(level.set_rms(tone(0.5), 0.1)) == pytest.approx(0.1)
    assert level.rms(level.set_rms(tone(0.01), 0.1)) == pytest.approx(0.1)
    with pytest.raises(AudioError, match="silence"):
        level.set_rms(SILENCE, 0.1)
    with pytest.raises(OptionError, match="not nan"):
        level.set_rms(tone(0.1), math.nan)


def test_a_raised_peak_stops_below_full_scale() -> None:
    assert level.peak(level.set_rms(tone(0.1), 0.9)) == pytest.approx(level.PEAK_LIMIT)
    assert level.peak(level.set_loudness(tone(0.1), -1)) == pytest.approx(level.PEAK_LIMIT)


@given(st.floats(0.01, 100), st.floats(1e-4, 2))
def test_a_gain_never_makes_clipping(gain: float, amplitude: float) -> None:
    before = tone(amplitude, 0.01)
    after = level.peak(level.apply_gain(before, gain))
    assert after <= max(level.PEAK_LIMIT, level.peak(before)) * 1.00001


def test_clipped_ratio() -> None:
    samples = np.full(100, 0.5)
    samples[:10] = 1.0
    samples[10:15] = -1.2
    assert level.clipped_ratio(Waveform(samples, 8000)) == pytest.approx(0.15)
    assert level.clipped_ratio(EMPTY) == 0


def test_centred_takes_away_the_offset_and_leaves_digital_silence() -> None:
    sound = 0.1 * np.sin(np.arange(24_000) * 2 * np.pi / 100)
    moved = level.centred(Waveform(np.concatenate([np.zeros(6_000), sound + 0.03, np.zeros(12_000)]), 24_000)).samples
    np.testing.assert_allclose(moved[6_000:30_000], sound, atol=1e-5)
    assert (moved[:6_000] == 0).all() and (moved[30_000:] == 0).all()
    silent = Waveform(np.zeros(100), 24_000)
    assert level.centred(silent) is silent
    click = Waveform(np.concatenate([np.full(200, 0.5), np.zeros(201)]), 24_000)
    assert level.centred(click) is click, "a click is no offset"
