"""Find and cut silence, in whole milliseconds of 16-bit audio.

F5-TTS is used with references prepared by pydub, so the same semantics are kept here, on numpy: audio is measured as
16-bit samples, RMS values are truncated to whole numbers, lengths are rounded to milliseconds, positions truncated to
samples. A stretch is silent when the RMS of a window of min_silence_ms that starts every seek_ms is at
most the threshold.
"""

import numpy as np
import numpy.typing as npt

from locutor.types import Samples, Waveform

Span = tuple[int, int]  # start and end in milliseconds


def length_ms(waveform: Waveform) -> int:
    """Length rounded to milliseconds."""
    return round(1000 * (waveform.n_samples / waveform.sample_rate))


def cut_ms(waveform: Waveform, start_ms: int, end_ms: int) -> Waveform:
    """The audio from start_ms to end_ms, within its length; a last millisecond is filled up with zeros."""
    end_ms = min(end_ms, length_ms(waveform))
    start, end = _sample_at(max(start_ms, 0), waveform), _sample_at(max(end_ms, 0), waveform)
    samples = waveform.samples[start:end]
    return Waveform(np.pad(samples, (0, max(0, end - start - samples.size))), waveform.sample_rate)


def detect_silence(waveform: Waveform, min_silence_ms: int, threshold_dbfs: float, seek_ms: int = 10) -> list[Span]:
    """Stretches of at least min_silence_ms that are no louder than threshold_dbfs, in order, not overlapping."""
    last_start = length_ms(waveform) - min_silence_ms
    if last_start < 0:
        return []
    starts = np.unique(np.append(np.arange(0, last_start + 1, seek_ms), last_start))
    limit = 10 ** (threshold_dbfs / 20) * 32768
    levels = _window_rms(waveform, starts, starts + min_silence_ms)
    return _merge([int(s) for s in starts[levels <= limit]], min_silence_ms, seek_ms)


def detect_nonsilent(waveform: Waveform, min_silence_ms: int, threshold_dbfs: float, seek_ms: int = 10) -> list[Span]:
    """What lies between the silences; empty when all is silent."""
    end = length_ms(waveform)
    silences = detect_silence(waveform, min_silence_ms, threshold_dbfs, seek_ms)
    if silences == [(0, end)]:
        return []
    starts = [0] + [silence[1] for silence in silences]
    ends = [silence[0] for silence in silences] + [end]
    spans = list(zip(starts, ends, strict=True))
    if silences and spans[-1] == (end, end):
        spans.pop()
    if spans and spans[0] == (0, 0) and silences:
        spans.pop(0)
    return spans


def split_on_silence(
    waveform: Waveform, min_silence_ms: int, threshold_dbfs: float, keep_ms: int, seek_ms: int = 10
) -> list[Waveform]:
    """The pieces between silences, each with up to keep_ms of the silence on both sides.

    A silence shorter than twice keep_ms is shared out by halves, so no sample comes twice.
    """
    spans = detect_nonsilent(waveform, min_silence_ms, threshold_dbfs, seek_ms)
    starts = [start - keep_ms for start, _ in spans]
    ends = [end + keep_ms for _, end in spans]
    for i in range(len(spans) - 1):
        if starts[i + 1] < ends[i]:
            ends[i] = starts[i + 1] = (ends[i] + starts[i + 1]) // 2
    return [cut_ms(waveform, start, end) for start, end in zip(starts, ends, strict=True)]


def leading_silence_ms(waveform: Waveform, threshold_dbfs: float, step_ms: int = 10) -> int:
    """Where the first step louder than threshold_dbfs begins; the whole length when none is."""
    end = length_ms(waveform)
    starts = np.arange(0, max(end, 1), step_ms)
    levels = _window_rms(waveform, starts, np.minimum(starts + step_ms, end))
    with np.errstate(divide="ignore"):
        loud = np.flatnonzero(20 * np.log10(levels / 32768) >= threshold_dbfs)
    return int(starts[loud[0]]) if loud.size else end


def trim_ms(waveform: Waveform, threshold_dbfs: float, step_ms: int = 10) -> Waveform:
    """Cut the silence at both ends, in steps counted from each end."""
    return without_edges(waveform, *silent_edges_ms(waveform, threshold_dbfs, step_ms))


def silent_edges_ms(waveform: Waveform, threshold_dbfs: float, step_ms: int = 10) -> tuple[int, int]:
    """How long it is silent at the start, and at the end of what is left then."""
    before_ms = leading_silence_ms(waveform, threshold_dbfs, step_ms)
    rest = without_edges(waveform, before_ms, 0)
    mirrored = Waveform(rest.samples[::-1], rest.sample_rate)
    return before_ms, leading_silence_ms(mirrored, threshold_dbfs, step_ms)


def without_edges(waveform: Waveform, before_ms: int, after_ms: int) -> Waveform:
    """Less that much at the start and at the end."""
    rest = cut_ms(waveform, before_ms, length_ms(waveform))
    return cut_ms(rest, 0, length_ms(rest) - after_ms) if after_ms else rest


def _sample_at(ms: int, waveform: Waveform) -> int:
    return int(ms * (waveform.sample_rate / 1000.0))  # this order of operations decides the rounding


def _merge(starts: list[int], min_silence_ms: int, seek_ms: int) -> list[Span]:
    """Join silent windows that follow each other or overlap."""
    spans: list[Span] = []
    for start in starts:
        end = spans[-1][1] if spans else -1
        if start <= end or start == end - min_silence_ms + seek_ms:
            spans[-1] = (spans[-1][0], start + min_silence_ms)
        else:
            spans.append((start, start + min_silence_ms))
    return spans


def _window_rms(
    waveform: Waveform, starts_ms: npt.NDArray[np.int64], ends_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Whole-numbered RMS of the 16-bit samples in each window, (n_windows,)."""
    energy = np.concatenate([[0], np.cumsum(np.square(_int16(waveform.samples)))])
    per_ms = waveform.sample_rate / 1000.0
    starts, ends = (starts_ms * per_ms).astype(np.int64), (ends_ms * per_ms).astype(np.int64)
    last = waveform.n_samples
    total = energy[np.minimum(ends, last)] - energy[np.minimum(starts, last)]
    return np.floor(np.sqrt(total / np.maximum(ends - starts, 1)))


def _int16(samples: Samples) -> npt.NDArray[np.int64]:
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int64)
