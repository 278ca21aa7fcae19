import numpy as np
import pytest

from locutor.audio.level import level_dbfs
from locutor.audio.reference import check_reference, prepare_reference
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Waveform

RATE = 24_000


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level


def syllables(seconds: float, floor: float = 1e-4) -> Waveform:
    """Noise that comes and goes four times a second, over a quiet floor."""
    t = np.arange(round(seconds * RATE)) / RATE
    return Waveform(noise(seconds, 0.1) * (np.sin(2 * np.pi * 4 * t) > 0) + noise(seconds, floor, 1), RATE)


def test_a_good_reference() -> None:
    report = check_reference(syllables(8))
    assert report.warnings == ()
    assert report.duration_s == 8
    assert report.level_dbfs == pytest.approx(-23, abs=0.2)
    assert report.snr_db == pytest.approx(60, abs=2)
    assert report.silence_ratio == pytest.approx(0.5, abs=0.1)
    assert report.bandwidth_hz == pytest.approx(12_000, abs=50)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (Waveform(np.zeros(0), RATE), "empty"),
        (Waveform(np.zeros(5 * RATE), RATE), "silent: its peak is -inf dBFS, at least -60"),
        (Waveform(noise(5, 1e-5), RATE), "silent: its peak is -8"),
        (syllables(0.99), "lasts 0.99 s; at least 1 s"),
        (syllables(60.1), "lasts 60.1 s; at most 60 s"),
        (Waveform(np.clip(noise(5, 1.0), -1, 1), RATE), "32% of the reference is clipped; at most 10%"),
    ],
)
def test_refused_references(waveform: Waveform, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        check_reference(waveform)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (syllables(2), "lasts 2.0 s"),
        (syllables(20), "first 12 s are used"),
        (Waveform(syllables(8).samples * 0.1, RATE), "quiet"),
        (Waveform(np.clip(syllables(8).samples * 4, -1, 1), RATE), "clipped"),
        (syllables(8, 0.03), "noisy"),
        (Waveform(np.concatenate([syllables(4).samples, noise(6, 1e-4)]), RATE), "is silence"),
        (resample(resample(syllables(8), 8000), RATE), "no sound above [34]"),
    ],
)
def test_warnings(waveform: Waveform, message: str) -> None:
    import re

    warnings = check_reference(waveform).warnings
    assert len([w for w in warnings if re.search(message, w)]) == 1


def test_whole_pieces_up_to_twelve_seconds() -> None:
    pause = np.zeros(round(2.5 * RATE))
    parts = [noise(5), pause, noise(3, seed=1), pause, noise(5, seed=2)]
    prepared = prepare_reference(Waveform(np.concatenate(parts), RATE))
    # 5 s and 3 s with their pause of 2.5 s, less 0.5 s that keep_silence leaves out; the third would be too much
    assert prepared.duration_s == pytest.approx(10.05, abs=0.05)
    assert np.abs(prepared.samples[-1190:]).max() == 0
    assert level_dbfs(Waveform(prepared.samples[-2400:-1200], RATE)) > -30


def test_speech_without_a_pause_is_cut_off() -> None:
    assert prepare_reference(Waveform(noise(30), RATE)).duration_s == pytest.approx(12.05, abs=0.001)
    assert prepare_reference(Waveform(noise(30), RATE), max_s=8).duration_s == pytest.approx(8.05, abs=0.001)


def test_short_pauses_are_used_before_cutting_off() -> None:
    breath = np.zeros(round(0.3 * RATE))
    waveform = Waveform(np.concatenate([noise(7), breath, noise(3), breath, noise(8)]), RATE)
    assert prepare_reference(waveform).duration_s == pytest.approx(10.35, abs=0.05)


def test_too_quiet_to_prepare() -> None:
    with pytest.raises(AudioError, match=r"too quiet \(-50 dBFS\): nothing in it is louder than -42 dBFS"):
        prepare_reference(Waveform(noise(5, 10**-2.5), RATE))
