"""A waveform small enough to draw."""

from pathlib import Path

import numpy as np
import soundfile

from locutor.types import Samples

_BLOCK = 1 << 18


def read_peaks(path: Path, n: int) -> tuple[Samples, Samples, float, int]:
    """Lowest and highest sample of each of n equal stretches of a file of ours (WAV, FLAC, OGG, MP3).

    Returns low (n,), high (n,) within [-1, 1], the duration in seconds, the sample rate. A file of any length is read
    in blocks; with fewer samples than stretches, n is their number.
    """
    with soundfile.SoundFile(path) as file:
        total, rate = file.frames, file.samplerate
        n = max(1, min(n, total))
        low, high = np.full(n, np.inf, np.float32), np.full(n, -np.inf, np.float32)
        start = 0
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            mono = block.mean(axis=1, dtype=np.float32)
            stretches = np.arange(start * n // total, min((start + len(mono) - 1) * n // total, n - 1) + 1)
            begins = np.maximum(-(-stretches * total // n) - start, 0)
            low[stretches] = np.minimum(low[stretches], np.minimum.reduceat(mono, begins))
            high[stretches] = np.maximum(high[stretches], np.maximum.reduceat(mono, begins))
            start += len(mono)
    empty = ~np.isfinite(low)
    low[empty] = high[empty] = 0.0
    return np.clip(low, -1, 1), np.clip(high, -1, 1), total / rate, rate
