"""Waveforms small enough to draw."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio import peaks
from locutor.audio.peaks import read_peaks

RATE = 8000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peaks")


@given(total=st.integers(1, 400), n=st.integers(1, 500), block=st.integers(1, 100))
def test_each_stretch_has_its_own_extremes(folder: Path, total: int, n: int, block: int) -> None:
    """However the file is cut into blocks."""
    samples = np.random.default_rng(total).integers(-(2**15), 2**15, total).astype(np.int16)
    soundfile.write(folder / "noise.wav", samples, RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "_BLOCK", block)
        low, high, duration_s, rate = read_peaks(folder / "noise.wav", n)
    n = min(n, total)
    parts = [samples[-(-k * total // n) : -(-(k + 1) * total // n)] / 2**15 for k in range(n)]
    assert np.allclose(low, [part.min() for part in parts]) and np.allclose(high, [part.max() for part in parts])
    assert (duration_s, rate) == (total / RATE, RATE)


def test_a_file_without_samples_is_flat(folder: Path) -> None:
    soundfile.write(folder / "empty.wav", np.zeros(0, np.int16), RATE)
    low, high, duration_s, _ = read_peaks(folder / "empty.wav", 10)
    assert low.tolist() == high.tolist() == [0.0] and duration_s == 0
