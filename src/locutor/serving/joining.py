"""Chunks as they come, made into one sound: cross-fades within a text, pauses between parts, one gain for a voice."""

from collections.abc import Iterator, Sequence

import numpy as np

from locutor.audio.edit import join
from locutor.audio.level import PEAK_LIMIT, from_dbfs, loudness_lufs, peak
from locutor.serving.backend import Part, Pause, Spoken
from locutor.types import Samples, Waveform

GAP_S = 0.25  # silence between two texts of a script that no pause parts


class Joiner:
    """Takes chunks in order and gives pieces that nothing later changes; only a cross-fade's length is held back.

    The gain that brings a voice to its loudness is measured on the first chunk of that voice and never changes, so
    the speech is not compressed and the first piece need not wait for the last.
    """

    def __init__(self, parts: Sequence[Part], sample_rate: int) -> None:
        self._parts, self._rate = parts, sample_rate
        self._part = -1  # the last part of which anything was taken
        self._held: Waveform | None = None
        self._gains: dict[str, float] = {}

    def take(self, part: int, waveform: Waveform) -> Iterator[Waveform]:
        """The next chunk, of the part of that index, in; what is final, out."""
        spoken = self._parts[part]
        assert isinstance(spoken, Spoken)
        waveform = self._levelled(spoken, waveform)
        if part != self._part:
            yield from self._flush()
            yield from self._silences(part)
            self._part = part
        overlap_s = spoken.request.options.cross_fade_s
        joined = waveform if self._held is None else join([self._held, waveform], overlap_s)
        n_ready = max(0, joined.n_samples - int(overlap_s * self._rate))
        self._held = Waveform(joined.samples[n_ready:], self._rate)
        if n_ready:
            yield Waveform(joined.samples[:n_ready], self._rate)

    def end(self) -> Iterator[Waveform]:
        """What was held back, and the pauses after the last text."""
        yield from self._flush()
        yield from self._silences(len(self._parts))

    def _flush(self) -> Iterator[Waveform]:
        if self._held is not None and self._held.n_samples:
            yield self._held
        self._held = None

    def _silences(self, part: int) -> Iterator[Waveform]:
        """Silence between the last part taken and this one."""
        between = self._parts[self._part + 1 : part]
        duration_s = sum(p.duration_s for p in between if isinstance(p, Pause))
        if not between and 0 <= self._part and part < len(self._parts):
            duration_s = GAP_S
        n_samples = round(duration_s * self._rate)
        if n_samples:
            yield Waveform(np.zeros(n_samples, np.float32), self._rate)

    def _levelled(self, spoken: Spoken, waveform: Waveform) -> Waveform:
        target = spoken.request.options.loudness_lufs
        if target is None:
            return waveform
        if spoken.voice.id not in self._gains:
            self._gains[spoken.voice.id] = _gain(waveform, target)
        raised: Samples = waveform.samples * np.float32(self._gains[spoken.voice.id])
        return Waveform(np.clip(raised, -PEAK_LIMIT, PEAK_LIMIT), self._rate)


def _gain(waveform: Waveform, target_lufs: float) -> float:
    """To the loudness, or as near as the peaks allow; 1 for a chunk that is too quiet to have a loudness."""
    now = loudness_lufs(waveform)
    if not np.isfinite(now):
        return 1.0
    return min(from_dbfs(target_lufs - now), PEAK_LIMIT / max(peak(waveform), 1e-12))
