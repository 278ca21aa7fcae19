"""Cut, pad, fade and join audio."""

from collections.abc import Sequence

import numpy as np

from locutor.audio import silence
from locutor.audio.level import centred
from locutor.errors import AudioError, OptionError
from locutor.types import Samples, Waveform


def trim_silence(waveform: Waveform, threshold_dbfs: float = -42.0, hop_ms: int = 10) -> Waveform:
    """Without the silence at both ends, found in steps of hop_ms; no samples are left when all is silent.

    A constant offset of the recording is no sound; it stays in what is left.
    """
    return silence.without_edges(waveform, *silence.silent_edges_ms(centred(waveform), threshold_dbfs, hop_ms))


def shorten_silence(waveform: Waveform) -> Waveform:
    """Pauses of more than 1 s below -50 dBFS cut to 0.5 s on each side: the option remove_silence.

    Audio that is silent throughout is returned as it is.
    """
    pieces = silence.split_on_silence(waveform, min_silence_ms=1000, threshold_dbfs=-50.0, keep_ms=500)
    return join(pieces) if pieces else waveform


def pad(waveform: Waveform, before_s: float = 0.0, after_s: float = 0.0) -> Waveform:
    """With silence before and after."""
    if before_s < 0 or after_s < 0:
        raise OptionError(f"padding must not be negative: {before_s:g} s before, {after_s:g} s after")
    rate = waveform.sample_rate
    return Waveform(np.pad(waveform.samples, (round(before_s * rate), round(after_s * rate))), rate)


def fade(waveform: Waveform, in_s: float = 0.0, out_s: float = 0.0) -> Waveform:
    """Linear fades at the ends, each at most as long as the audio."""
    samples = waveform.samples.copy()
    n_in = min(round(in_s * waveform.sample_rate), samples.size)
    n_out = min(round(out_s * waveform.sample_rate), samples.size)
    samples[:n_in] *= _ramp(n_in)
    samples[samples.size - n_out :] *= _ramp(n_out)[::-1]
    return Waveform(samples, waveform.sample_rate)


def cross_fade(a: Waveform, b: Waveform, overlap_s: float) -> Waveform:
    """a, then b, the last overlap_s of a faded into the first of b; as `join`."""
    return join([a, b], overlap_s)


def join(waveforms: Sequence[Waveform], cross_fade_s: float = 0.0) -> Waveform:
    """One after the other with linear cross-fades, in one pass and one allocation.

    An overlap is at most as long as what came before and as the next piece. Raises AudioError for an empty list or
    different sample rates, OptionError for a negative overlap.
    """
    if cross_fade_s < 0:
        raise OptionError(f"cross_fade_s must not be negative: {cross_fade_s:g}")
    rates = sorted({w.sample_rate for w in waveforms})
    if len(rates) != 1:
        raise AudioError(f"only audio of one sample rate can be joined, not of {rates or 'none at all'}")
    overlap = int(cross_fade_s * rates[0])
    joined = np.zeros(sum(w.n_samples for w in waveforms), np.float32)
    end = 0
    for waveform in waveforms:
        end = _lay(joined, end, waveform.samples, overlap)
    return Waveform(joined[:end].copy() if end < joined.size else joined, rates[0])


def _lay(joined: Samples, end: int, samples: Samples, overlap: int) -> int:
    """Put samples behind joined[:end], faded over at most `overlap` of it; returns the new end."""
    n = min(overlap, end, samples.size)
    ramp = _ramp(n)
    start = end - n
    joined[start:end] = joined[start:end] * (1 - ramp) + samples[:n] * ramp
    joined[end : start + samples.size] = samples[n:]
    return start + samples.size


def _ramp(n: int) -> Samples:
    return np.linspace(0, 1, n, dtype=np.float32)
