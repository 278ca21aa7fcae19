from pathlib import Path

import numpy as np
import pytest

from locutor.audio.io import read
from locutor.audio.level import level_dbfs
from locutor.audio.reference import (
    bandwidth_hz,
    check_reference,
    frame_edges,
    frame_levels,
    noise_power,
    prepare_reference,
)
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Waveform

RATE = 24_000
CLIPS = Path(__file__).parents[1] / "clips"


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


@pytest.mark.parametrize("offset", [0.01, -0.03])
def test_a_constant_offset_is_no_noise(offset: float) -> None:
    clip = read(CLIPS / "voice_02.ogg")
    clean = check_reference(clip)
    moved = check_reference(Waveform(clip.samples + offset, clip.sample_rate))
    assert clean.snr_db > 40 and moved.snr_db == pytest.approx(clean.snr_db, abs=1)
    assert moved.level_dbfs == pytest.approx(clean.level_dbfs, abs=0.1)
    assert moved.silence_ratio == pytest.approx(clean.silence_ratio, abs=0.01)
    assert moved.bandwidth_hz == clean.bandwidth_hz and moved.warnings == clean.warnings == ()


def test_an_offset_does_not_hide_that_a_reference_is_silent_or_quiet() -> None:
    with pytest.raises(AudioError, match="silent: its peak is -8"):
        check_reference(Waveform(noise(5, 1e-5) + 0.03, RATE))
    assert any("quiet" in w for w in check_reference(Waveform(syllables(8).samples * 0.1 + 0.1, RATE)).warnings)


def test_an_offset_does_not_narrow_the_band() -> None:
    faint = 3e-4 * np.sin(2 * np.pi * 9000 * np.arange(4 * RATE) / RATE)
    loud = 0.1 * np.sin(2 * np.pi * 500 * np.arange(4 * RATE) / RATE)
    assert bandwidth_hz(Waveform(faint + loud, RATE)) > 8900
    assert bandwidth_hz(Waveform(faint + loud + 0.9, RATE)) > 8900


def test_blanked_frames_are_silent_beside_an_offset() -> None:
    levels = frame_levels(Waveform(np.concatenate([noise(2) + 0.03, np.zeros(RATE)]), RATE))
    assert (levels[100:] == -100).all() and (levels[:100] > -30).all()


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 48_000])
def test_frames_of_a_whole_number_of_samples(rate: int) -> None:
    waveform = Waveform(noise(1)[: rate // 2 + 7], rate)
    frames = waveform.samples[: rate // 2].reshape(25, -1)
    np.testing.assert_allclose(frame_levels(waveform), 20 * np.log10(frames.std(axis=1)), atol=1e-4)


def test_frames_do_not_drift_where_20_ms_are_no_whole_number_of_samples() -> None:
    rate, at_s = 11_025, 600
    samples = np.zeros((at_s + 2) * rate)
    samples[at_s * rate : (at_s + 1) * rate] = 0.5 * np.sin(np.arange(rate) / 5)
    levels = frame_levels(Waveform(samples, rate))
    assert levels.size == (at_s + 2) * 50
    assert np.flatnonzero(levels > -20).tolist() == list(range(at_s * 50, (at_s + 1) * 50))
    assert frame_edges(Waveform(samples, rate))[-1] == samples.size


def test_no_frames() -> None:
    assert frame_levels(Waveform(np.zeros(0), RATE)).size == frame_levels(Waveform(noise(0.019), RATE)).size == 0


def test_blanked_gaps_do_not_hide_the_noise() -> None:
    noisy = syllables(8, 0.03).samples
    gap = np.zeros(round(0.3 * RATE), np.float32)
    joined = np.concatenate([part for i in range(4) for part in (noisy[i * 2 * RATE : (i + 1) * 2 * RATE], gap)])
    alone, together = (check_reference(Waveform(s, RATE)).snr_db for s in (noisy, joined))
    assert alone < 12 and together == pytest.approx(alone, abs=2)


def test_a_clean_recording_with_blanked_pauses_is_not_called_noisy() -> None:
    clip = read(CLIPS / "voice_08.ogg")
    levels, edges = frame_levels(clip), frame_edges(clip)
    samples = clip.samples[: edges[-1]].copy()
    for frame in np.flatnonzero(levels < levels.max() - 40):
        samples[edges[frame] : edges[frame + 1]] = 0
    report = check_reference(Waveform(samples, clip.sample_rate))
    assert (frame_levels(Waveform(samples, clip.sample_rate)) == -100).mean() > 0.1, "its pauses are blanked"
    assert report.snr_db > 20 and report.warnings == ()


def test_where_all_was_blanked_there_is_no_noise() -> None:
    assert noise_power(np.full(50, -100.0)) == pytest.approx(1e-10)


@pytest.mark.parametrize("offset", [0.0, 0.03])
def test_what_is_prepared_keeps_its_offset_as_upstream_does(offset: float) -> None:
    samples = np.concatenate([noise(1, 1e-4), noise(3), noise(1, 1e-4)]) + offset
    assert prepare_reference(Waveform(samples, RATE)).duration_s == pytest.approx(5.05 if offset else 3.05, abs=0.03)
