"""Is a clip fit to learn from? Measures of its sound, none of which needs to know the words.

They are estimates for sorting clips. What is not covered: echo, music under the voice, noise that comes and goes with
the speech.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locutor.analysis.vad import SpeechSpan
from locutor.audio.level import centred, peak
from locutor.audio.reference import bandwidth_hz, frame_edges, frame_levels, noise_power
from locutor.types import Waveform

QUIETEST_DBFS = -100.0
_SILENT_POWER = 10 ** (QUIETEST_DBFS / 10)
_ACTIVE_DB = 20.0  # frames this far below the loud ones still count as speech
_NEAR_PEAK = 0.98
_EDGE_FRAMES = 2  # 40 ms
_BURST_DB = 6.0
_FLAT = 0.35
_MIN_SAMPLES = 1024  # one spectrum


@dataclass(frozen=True)
class ClipQuality:
    """level_dbfs: of the frames with speech. snr_db: speech over the quietest tenth of the frames that hold sound.

    clipped_ratio: samples within 2 % of the highest peak, wherever it lies: where tops are flat they are many; speech
    that was not clipped has less than 0.05 %. bandwidth_hz: where the spectrum ends. speech_s: time in which somebody
    speaks. longest_pause_s: between two stretches of speech, or before the first and behind the last.
    edge_db: level of the first or the last 40 ms, less the noise, over that of the speech; near 0 where the recording
    cuts into a word.
    burst_s: time in which the loudest of it is noise, as damaged bytes sound; the loudest of speech are vowels.
    """

    level_dbfs: float
    snr_db: float
    clipped_ratio: float
    bandwidth_hz: float
    speech_s: float
    longest_pause_s: float
    edge_db: float
    burst_s: float


def measure(waveform: Waveform, speech: Sequence[SpeechSpan]) -> ClipQuality:
    """Measure a clip. speech: where somebody speaks in it, in order."""
    if waveform.n_samples < _MIN_SAMPLES or peak(waveform) == 0.0:
        return ClipQuality(QUIETEST_DBFS, 0.0, 0.0, 0.0, 0.0, waveform.duration_s, 0.0, 0.0)
    levels = frame_levels(waveform)  # (n_frames,) dBFS
    active = speech_level_dbfs(levels)
    return ClipQuality(
        level_dbfs=active,
        snr_db=_snr_db(levels, active),
        clipped_ratio=near_peak_ratio(waveform),
        bandwidth_hz=bandwidth_hz(waveform),
        speech_s=sum(span.end_s - span.start_s for span in speech),
        longest_pause_s=_longest_pause_s(speech, waveform.duration_s),
        edge_db=_edge_db(levels, active),
        burst_s=_burst_s(waveform, levels),
    )


def speech_level_dbfs(levels: npt.NDArray[np.float64]) -> float:
    """Mean power, in dBFS, of the frames at most 20 dB below the loudest twentieth; levels (n_frames,) in dBFS."""
    loud = float(np.percentile(levels, 95))
    return float(10 * np.log10(np.mean(10 ** (levels[levels > loud - _ACTIVE_DB] / 10))))


def near_peak_ratio(waveform: Waveform) -> float:
    """Share of the samples, 0 to 1, within 2 % of the highest absolute one."""
    size = np.abs(waveform.samples)
    return float(np.mean(size >= _NEAR_PEAK * size.max()))


def _burst_s(waveform: Waveform, levels: npt.NDArray[np.float64]) -> float:
    """Time of the frames near the loudest whose spectrum is flat; levels (n_frames,) of the frames in dBFS."""
    edges = frame_edges(waveform)
    n = int(np.diff(edges).min())  # samples that every frame has
    starts = edges[:-1][levels > levels.max() - _BURST_DB]
    frames = centred(waveform).samples[starts[:, None] + np.arange(n)]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(n))))[:, 1:-1] + 1e-12
    flatness = np.exp(np.mean(np.log(power), axis=1)) / np.mean(power, axis=1)  # 0.56 for white noise
    return float(np.sum(flatness > _FLAT) * n / waveform.sample_rate)


def _snr_db(levels: npt.NDArray[np.float64], active_dbfs: float) -> float:
    noise = noise_power(levels)
    speech = max(10 ** (active_dbfs / 10) - noise, noise * 0.01)
    return float(10 * np.log10(speech / noise))


def _edge_db(levels: npt.NDArray[np.float64], active_dbfs: float) -> float:
    loudest = max(levels[:_EDGE_FRAMES].max(), levels[-_EDGE_FRAMES:].max())
    sound = max(10 ** (loudest / 10) - 3 * noise_power(levels), _SILENT_POWER)
    return float(10 * np.log10(sound) - active_dbfs)


def _longest_pause_s(speech: Sequence[SpeechSpan], duration_s: float) -> float:
    starts = [span.start_s for span in speech] + [duration_s]
    ends = [0.0] + [span.end_s for span in speech]
    return max(start - end for start, end in zip(starts, ends, strict=True))
