import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio.edit import join
from locutor.errors import OptionError
from locutor.serving.longform import chunk_requests, chunk_seed, join_stream
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

RATE = 1000


def pieces(lengths: list[int]) -> list[Waveform]:
    rng = np.random.default_rng(0)
    return [Waveform(rng.uniform(-1, 1, n).astype(np.float32), RATE) for n in lengths]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.sampled_from([0.0, 0.001, 0.05, 0.15, 1.0]))
def test_streaming_gives_the_samples_of_joining_at_once(lengths: list[int], cross_fade_s: float) -> None:
    waveforms = pieces(lengths)
    streamed = [w.samples for w in join_stream(iter(waveforms), cross_fade_s)]
    whole = join(waveforms, cross_fade_s).samples
    assert np.array_equal(np.concatenate([np.zeros(0, np.float32), *streamed]), whole)


def test_streaming_hands_out_all_but_the_overlap() -> None:
    source = iter(pieces([500, 500]))
    stream = join_stream(source, 0.1)
    assert next(stream).n_samples == 400
    assert next(source).n_samples == 500


def test_streaming_memory_does_not_grow_with_the_text() -> None:
    def endless(n: int) -> Iterator[Waveform]:
        return (Waveform(np.full(RATE * 100, 0.1, np.float32), RATE) for _ in range(n))

    peaks = []
    for n in (5, 50):
        tracemalloc.start()
        total = sum(w.n_samples for w in join_stream(endless(n), 0.15))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total == n * 100 * RATE - (n - 1) * 150
    assert peaks[1] < peaks[0] * 1.5


def test_seeds_differ_and_repeat() -> None:
    seeds = [chunk_seed(s, i) for s in (0, 1) for i in range(100)]
    assert len(set(seeds)) == 200 and all(0 <= seed < 2**63 for seed in seeds)
    assert chunk_seed(1, 5) == chunk_seed(1, 5)


def test_seeds_are_the_same_on_every_machine() -> None:
    """Recipes store the seed alone, so the hash behind it may never change."""
    assert chunk_seed(0, 0) == 6213027144842677344


def request(**options: float) -> SpeechRequest:
    return SpeechRequest(text="whole", language="en", options=SynthesisOptions(**options))  # type: ignore[arg-type]


def test_a_fixed_duration_is_shared_out_by_characters() -> None:
    chunks = chunk_requests(["a" * 30, "b" * 10], request(fix_duration_s=4, cross_fade_s=0.2), seed=1)
    durations = [c.options.fix_duration_s for c in chunks]
    assert durations == pytest.approx([4.2 * 0.75, 4.2 * 0.25])
    assert sum(d for d in durations if d) - 0.2 == pytest.approx(4)


def test_one_chunk_keeps_the_whole_duration() -> None:
    [only] = chunk_requests(["abc"], request(fix_duration_s=4), seed=1)
    assert only.options.fix_duration_s == 4 and not only.normalize


def test_a_duration_that_leaves_nothing_for_a_chunk_is_refused() -> None:
    with pytest.raises(OptionError, match="fix_duration_s must be between 0.1"):
        chunk_requests(["a", "b" * 1000], request(fix_duration_s=1), seed=1)
