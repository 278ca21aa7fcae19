import pytest

from locutor.errors import OptionError
from locutor.serving.longform import chunk_requests, chunk_seed
from locutor.types import SpeechRequest, SynthesisOptions


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
