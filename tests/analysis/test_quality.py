from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.quality import ClipQuality, measure, near_peak_ratio
from locutor.analysis.vad import SpeechSpan
from locutor.audio.edit import pad
from locutor.audio.io import read
from locutor.audio.resample import resample
from locutor.types import Waveform

CLIP = Path(__file__).parent / "clips" / "en_a1.opus"


@pytest.fixture(scope="module")
def speech() -> Waveform:
    return pad(resample(read(CLIP), 16_000), 0.2, 0.2)


def of(waveform: Waveform) -> ClipQuality:
    return measure(waveform, [SpeechSpan(0.2, waveform.duration_s - 0.2)])


def test_good_speech(speech: Waveform) -> None:
    found = of(speech)
    assert found.snr_db > 18 and found.clipped_ratio < 0.0005 and found.burst_s == 0
    assert found.edge_db < -30 and -35 < found.level_dbfs < -10
    assert found.speech_s == pytest.approx(speech.duration_s - 0.4) and found.longest_pause_s == pytest.approx(0.2)


@pytest.mark.parametrize("snr_db", [0, 5, 10, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_is_measured(speech: Waveform, snr_db: float, seed: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(speech.n_samples).astype(np.float32)
    level = 10 ** ((of(speech).level_dbfs - snr_db) / 20)
    assert of(Waveform(speech.samples + level * noise, 16_000)).snr_db == pytest.approx(snr_db, abs=2.5)


def test_noise_under_blanked_pauses_is_measured(speech: Waveform) -> None:
    noise = np.random.default_rng(0).standard_normal(speech.n_samples).astype(np.float32)
    noisy = speech.samples + 10 ** ((of(speech).level_dbfs - 5) / 20) * noise
    noisy[: round(0.3 * 16_000)] = 0
    assert of(Waveform(noisy, 16_000)).snr_db < 8


@pytest.mark.parametrize("share", [0.005, 0.05])
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_flat_tops_are_seen_at_any_level(speech: Waveform, share: float, scale: float) -> None:
    top = float(np.quantile(np.abs(speech.samples), 1 - share))
    clipped = Waveform(np.clip(speech.samples, -top, top) * scale, 16_000)
    assert near_peak_ratio(clipped) == pytest.approx(share, rel=0.3)


def test_a_cut_word_has_a_loud_edge(speech: Waveform) -> None:
    middle = int(np.abs(speech.samples).argmax())
    assert of(Waveform(speech.samples[middle:], 16_000)).edge_db > -10
    assert of(Waveform(speech.samples[:middle], 16_000)).edge_db > -10


def test_noise_at_the_edges_is_no_cut_word(speech: Waveform) -> None:
    noise = np.random.default_rng(0).standard_normal(speech.n_samples).astype(np.float32)
    level = 10 ** ((of(speech).level_dbfs - 8) / 20)
    assert of(Waveform(speech.samples + level * noise, 16_000)).edge_db < -20


def test_random_bytes_are_a_burst(speech: Waveform) -> None:
    samples = speech.samples.copy()
    samples[16_000:18_000] = np.random.default_rng(0).uniform(-1, 1, 2000)
    assert of(Waveform(samples, 16_000)).burst_s == pytest.approx(0.125, abs=0.03)


def test_pauses_and_silence(speech: Waveform) -> None:
    found = measure(speech, [SpeechSpan(0.5, 0.8), SpeechSpan(1.9, 2.0)])
    assert found.longest_pause_s == pytest.approx(1.1) and found.speech_s == pytest.approx(0.4)
    assert measure(speech, []).longest_pause_s == speech.duration_s
    silent = measure(Waveform(np.zeros(16_000), 16_000), [])
    assert silent == ClipQuality(-100, 0, 0, 0, 0, 1, 0, 0)
    assert measure(Waveform(np.ones(10), 16_000), []).speech_s == 0


@pytest.mark.parametrize("offset", [0.01, 0.03])
def test_a_constant_offset_is_no_noise(speech: Waveform, offset: float) -> None:
    moved = of(Waveform(speech.samples + offset, 16_000))
    assert moved.snr_db == pytest.approx(of(speech).snr_db, abs=1)
    assert moved.edge_db == pytest.approx(of(speech).edge_db, abs=1)


def test_bursts_at_a_rate_whose_frames_differ_in_length(speech: Waveform) -> None:
    heard = resample(speech, 22_230)  # 444.6 samples in 20 ms
    samples = heard.samples[: heard.n_samples // 2223 * 2223].copy()  # nothing behind the last frame
    samples[-2770:] = np.random.default_rng(0).uniform(-1, 1, 2770)
    assert of(Waveform(samples, 22_230)).burst_s == pytest.approx(0.125, abs=0.03)


def test_a_constant_offset_does_not_hide_a_burst(speech: Waveform) -> None:
    samples = 0.03 * speech.samples
    samples[16_000:18_000] = np.random.default_rng(0).uniform(-0.02, 0.02, 2000)
    assert of(Waveform(samples + 0.03, 16_000)).burst_s == pytest.approx(0.125, abs=0.03)
