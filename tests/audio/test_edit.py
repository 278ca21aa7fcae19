import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio import edit
from locutor.errors import AudioError, OptionError
from locutor.types import Waveform

RATE = 1000


def constant(value: float, n: int) -> Waveform:
    return Waveform(np.full(n, value), RATE)


def test_cross_fade_goes_from_one_to_the_other() -> None:
    joined = edit.cross_fade(constant(1, 100), constant(-1, 100), 0.05).samples
    assert joined.size == 150
    assert (joined[:51] == 1).all() and (joined[99:] == -1).all()
    np.testing.assert_allclose(joined[50:100], np.linspace(1, -1, 50), atol=1e-6)


def by_concatenation(pieces: list[Waveform], overlap: int) -> np.ndarray:
    """The same by the textbook: fade the end of what is there into each next piece."""
    out = pieces[0].samples
    for piece in pieces[1:]:
        n = min(overlap, out.size, piece.n_samples)
        ramp = np.linspace(0, 1, n)
        mixed = out[out.size - n :] * (1 - ramp) + piece.samples[:n] * ramp
        out = np.concatenate([out[: out.size - n], mixed, piece.samples[n:]])
    return out


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(0, 50))
def test_join_equals_repeated_cross_fades(lengths: list[int], overlap: int) -> None:
    rng = np.random.default_rng(sum(lengths))
    pieces = [Waveform(rng.uniform(-1, 1, n), RATE) for n in lengths]
    joined = edit.join(pieces, overlap / RATE)
    expected = by_concatenation(pieces, int(overlap / RATE * RATE))
    np.testing.assert_allclose(joined.samples, expected, atol=1e-6)


def test_join_is_not_quadratic_in_the_number_of_pieces() -> None:
    pieces = [constant(0.1, 300)] * 30_000
    start = time.process_time()
    joined = edit.join(pieces, 0.1)
    assert time.process_time() - start < 4  # takes 0.3; copying all that is there for each piece, more than 30
    assert joined.n_samples == 300 + 29_999 * 200


def test_join_refuses() -> None:
    with pytest.raises(AudioError, match="not of none"):
        edit.join([])
    with pytest.raises(AudioError, match=r"\[1000, 2000\]"):
        edit.join([constant(1, 5), Waveform(np.zeros(5), 2000)])
    with pytest.raises(OptionError, match="-1"):
        edit.join([constant(1, 5)], -1)


def test_pad_and_fade() -> None:
    padded = edit.pad(constant(1, 100), 0.01, 0.02)
    assert padded.n_samples == 130 and padded.samples[:10].max() == 0 and padded.samples[-20:].max() == 0
    faded = edit.fade(constant(1, 100), 0.01, 0.02).samples
    assert faded[0] == 0 and faded[-1] == 0 and (faded[10:80] == 1).all()
    assert np.isfinite(edit.fade(constant(1, 5), 1, 1).samples).all()
    with pytest.raises(OptionError, match="-1 s before"):
        edit.pad(constant(1, 5), -1)


def speech_like(seconds: float) -> np.ndarray:
    return 0.3 * np.sin(np.arange(round(seconds * 24_000)) / 10)


def test_shorten_silence_leaves_half_a_second_on_each_side() -> None:
    pause = np.zeros(3 * 24_000)
    waveform = Waveform(np.concatenate([speech_like(1), pause, speech_like(1), pause[:12_000], speech_like(1)]), 24_000)
    assert edit.shorten_silence(waveform).duration_s == pytest.approx(4.5, abs=0.03)
    silence = Waveform(pause, 24_000)
    assert edit.shorten_silence(silence) is silence


def test_trim_silence() -> None:
    waveform = Waveform(np.concatenate([np.zeros(24_000), speech_like(1), np.zeros(12_000)]), 24_000)
    assert edit.trim_silence(waveform).duration_s == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("offset", [0.01, -0.03])
def test_trim_silence_beside_an_offset(offset: float) -> None:
    quiet = 1e-3 * np.random.default_rng(0).standard_normal(24_000)
    plain = np.concatenate([quiet, speech_like(1), quiet[:12_000]])
    padded = np.concatenate([np.zeros(12_000), plain + offset, np.zeros(12_000)])
    expected = edit.trim_silence(Waveform(plain, 24_000)).samples
    assert expected.size == pytest.approx(24_000, abs=480)
    for samples in (plain + offset, padded):  # zeros around the recording have no offset, and are silent too
        trimmed = edit.trim_silence(Waveform(samples, 24_000)).samples
        np.testing.assert_allclose(trimmed, expected + offset, atol=1e-6)


def test_trim_silence_leaves_nothing_of_an_offset_alone() -> None:
    assert edit.trim_silence(Waveform(np.full(24_000, 0.03), 24_000)).n_samples == 0
