import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from locutor.errors import AudioError
from locutor.evaluation.speed import Timing, time_to_first_audio_s, timed
from locutor.types import Waveform

SECOND = Waveform(np.ones(1000), 1000)
NOTHING = Waveform(np.zeros(0), 1000)


def test_timed() -> None:
    def speak() -> Waveform:
        time.sleep(0.05)
        return SECOND

    waveform, timing = timed(speak)
    assert waveform is SECOND and 0.05 <= timing.rtf < 0.5
    assert Timing(3, 2).rtf == 1.5
    with pytest.raises(AudioError, match="no audio"):
        timed(lambda: NOTHING)


def test_time_to_first_audio() -> None:
    def stream() -> Iterator[Waveform]:
        yield NOTHING
        time.sleep(0.05)
        yield SECOND
        time.sleep(10)

    assert 0.05 <= time_to_first_audio_s(stream) < 5
    with pytest.raises(AudioError, match="without audio"):
        time_to_first_audio_s(lambda: [NOTHING])


def test_peak_memory_of_a_process_that_took_200_mb() -> None:
    code = """
import numpy
from locutor.evaluation.speed import peak_rss_bytes
before = peak_rss_bytes()
block = numpy.ones(25_000_000)
del block
print(before, peak_rss_bytes())
"""
    before, after = map(int, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert 10e6 < before < 190e6 < after - before < 220e6  # whatever this process itself holds
