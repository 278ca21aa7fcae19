"""Several recordings as one reference."""

import numpy as np
import pytest

from locutor.types import Waveform
from locutor.voices.joined import chosen, joined_reference, joined_transcript


def test_which_recordings_are_listened_to() -> None:
    assert chosen([40.0]) == [0]
    assert chosen([20.0, 15.0, 8.8]) == [0, 2], "the second would make it too long"
    assert chosen([14.8, 14.9]) == [0, 1] and chosen([14.8, 14.91]) == [0]


def test_one_after_the_other_at_the_highest_rate() -> None:
    joined = joined_reference([Waveform(np.full(8000, 0.1), 8000), Waveform(np.full(16_000, 0.2), 16_000)])
    assert joined.sample_rate == 16_000 and joined.duration_s == pytest.approx(2.3)
    assert np.abs(joined.samples[16_000:20_800]).max() == 0


def test_the_transcript_is_of_what_is_listened_to() -> None:
    assert joined_transcript([20.0, 15.0, 8.8], ["one", None, "three"]) == "one three"
    assert joined_transcript([2.0, 3.0], ["one", None]) is None
    assert joined_transcript([2.0], [""]) is None
