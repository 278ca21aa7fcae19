"""Chunks of one text as one sound, piece by piece."""

import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio.edit import join
from locutor.serving.backend import Spoken
from locutor.serving.joining import Joiner
from locutor.types import SpeechRequest, SynthesisOptions, Waveform
from locutor.voices.store import Voice

RATE = 1000


def pieces(lengths: list[int]) -> list[Waveform]:
    rng = np.random.default_rng(0)
    return [Waveform(rng.uniform(-1, 1, n).astype(np.float32), RATE) for n in lengths]


def joined(waveforms: Iterable[Waveform], cross_fade_s: float) -> Iterator[Waveform]:
    request = SpeechRequest(text="a", language="en", options=SynthesisOptions(cross_fade_s=cross_fade_s))
    joiner = Joiner([Spoken(request, Voice(id="v", kind="file", ref_audio=Path("v.wav")))], RATE)
    for waveform in waveforms:
        yield from joiner.take(0, waveform)
    yield from joiner.end()


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.sampled_from([0.0, 0.001, 0.05, 0.15, 1.0]))
def test_streaming_gives_the_samples_of_joining_at_once(lengths: list[int], cross_fade_s: float) -> None:
    waveforms = pieces(lengths)
    streamed = [w.samples for w in joined(iter(waveforms), cross_fade_s)]
    whole = join(waveforms, cross_fade_s).samples
    assert np.array_equal(np.concatenate([np.zeros(0, np.float32), *streamed]), whole)


def test_streaming_hands_out_all_but_the_overlap() -> None:
    source = iter(pieces([500, 500]))
    stream = joined(source, 0.1)
    assert next(stream).n_samples == 400
    assert next(source).n_samples == 500


def test_streaming_memory_does_not_grow_with_the_text() -> None:
    def endless(n: int) -> Iterator[Waveform]:
        return (Waveform(np.full(RATE * 100, 0.1, np.float32), RATE) for _ in range(n))

    peaks = []
    for n in (5, 50):
        tracemalloc.start()
        total = sum(w.n_samples for w in joined(endless(n), 0.15))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total == n * 100 * RATE - (n - 1) * 150
    assert peaks[1] < peaks[0] * 1.5
