"""How loud audio is, and making it louder or softer without clipping.

Gains are static: one factor for the whole clip, so the sound is not compressed.
"""

import math

import numpy as np

from locutor.errors import AudioError, OptionError
from locutor.types import Waveform

PEAK_LIMIT = 10 ** (-1 / 20)  # -1 dBFS leaves room for the overshoot of lossy codecs
FULL_SCALE = 0.999  # at or above this a sample counts as clipped
_BLANK = 2**-16  # 16-bit audio holds nothing smaller
_GATE_S = 0.4  # block of ITU-R BS.1770; shorter clips are repeated to fill one


def rms(waveform: Waveform) -> float:
    """Root mean square, 0 for no samples."""
    if waveform.n_samples == 0:
        return 0.0
    return math.sqrt(float(np.mean(np.square(waveform.samples, dtype=np.float64))))


def to_dbfs(amplitude: float) -> float:
    """dB relative to full scale (amplitude 1); minus infinity for 0."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def from_dbfs(level_dbfs: float) -> float:
    """Amplitude of a level."""
    return 10.0 ** (level_dbfs / 20)


def level_dbfs(waveform: Waveform) -> float:
    """RMS level in dBFS, minus infinity for silence."""
    return to_dbfs(rms(waveform))


def peak(waveform: Waveform) -> float:
    """Largest absolute sample, 0 for no samples."""
    return float(np.abs(waveform.samples).max(initial=0.0))


def centred(waveform: Waveform) -> Waveform:
    """Without a constant offset: less the mean. Stretches of digital silence stay as they are and count for nothing.

    They have no offset where the rest has one: they were put there after the recording. Where they are most of it, as
    around a single click, what is left is too little to tell an offset from the sound, and nothing is changed.
    """
    sounding = np.abs(waveform.samples) >= _BLANK
    if 2 * np.count_nonzero(sounding) <= waveform.n_samples:
        return waveform
    offset = np.float32(waveform.samples.mean(where=sounding, dtype=np.float64))
    return Waveform(np.where(sounding, waveform.samples - offset, waveform.samples), waveform.sample_rate)


def clipped_ratio(waveform: Waveform) -> float:
    """Share of the samples, 0 to 1, that lie at full scale or beyond."""
    if waveform.n_samples == 0:
        return 0.0
    return float(np.mean(np.abs(waveform.samples) >= FULL_SCALE))


def loudness_lufs(waveform: Waveform) -> float:
    """Integrated loudness by ITU-R BS.1770-4, minus infinity for silence or below -70 LUFS."""
    import pyloudnorm

    if peak(waveform) == 0.0:
        return -math.inf
    samples = waveform.samples.astype(np.float64)
    n_repeats = math.ceil((_GATE_S * waveform.sample_rate + 1) / samples.size)
    return float(pyloudnorm.Meter(waveform.sample_rate).integrated_loudness(np.tile(samples, n_repeats)))


def apply_gain(waveform: Waveform, gain: float) -> Waveform:
    """Multiply by `gain`, or by less where a raised peak would pass PEAK_LIMIT.

    Audio that is already above the limit is never raised; a gain of 1 or less is applied as it is.
    """
    if gain > 1:
        gain = min(gain, max(1.0, PEAK_LIMIT / max(peak(waveform), 1e-12)))
    return Waveform(waveform.samples * np.float32(gain), waveform.sample_rate)


def set_rms(waveform: Waveform, target_rms: float) -> Waveform:
    """Bring the RMS to `target_rms`, or as near as the peak allows. Raises AudioError for silence."""
    if not 0 < target_rms <= 1:
        raise OptionError(f"target_rms must be above 0 and at most 1, not {target_rms:g}")
    now = rms(waveform)
    if now == 0.0:
        raise AudioError("silence has no level that could be set")
    return apply_gain(waveform, target_rms / now)


def set_loudness(waveform: Waveform, target_lufs: float) -> Waveform:
    """Bring the loudness to `target_lufs`, or as near as the peak allows. Raises AudioError below -70 LUFS."""
    if not -70 < target_lufs <= 0:
        raise OptionError(f"target_lufs must be above -70 and at most 0, not {target_lufs:g}")
    now = loudness_lufs(waveform)
    if now == -math.inf:
        raise AudioError("audio below -70 LUFS has no loudness that could be set")
    return apply_gain(waveform, from_dbfs(target_lufs - now))
