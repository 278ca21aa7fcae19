"""Write pydub_silence.json: what pydub 0.25.1 answers on made-up audio. Run where pydub and numpy are installed.

Audio is a row of stretches (n_samples, a, b) that alternate between a and -b, so that tests can build it exactly.
"""

import json
from pathlib import Path

import numpy as np
from pydub import AudioSegment, silence

LEVELS = (0, 3, 20, 100, 103, 104, 105, 180, 250, 258, 259, 262, 326, 327, 329, 1000, 5000)  # 104: -50 dBFS, 260: -42
RATES = (8000, 16000, 22050, 23456, 24000, 44100)
SETTINGS = ((1000, -50, 10), (100, -40, 10), (300, -45, 7), (20, -40, 30))


def stretches(rng, rate):
    for _ in range(rng.integers(1, 12)):
        a = int(rng.choice(LEVELS))
        yield int(rng.integers(1, int(rate * rng.choice([0.05, 0.4, 1.5, 5.0])))), a, a + int(rng.integers(0, 2))


def build(parts):
    return np.concatenate([np.where(np.arange(n) % 2 == 0, a, -b) for n, a, b in parts]).astype("<i2")


def trim(audio):
    audio = audio[silence.detect_leading_silence(audio, silence_threshold=-42) :]
    tail = silence.detect_leading_silence(audio.reverse(), silence_threshold=-42)
    return audio[: len(audio) - tail] if tail else audio


def case(rng):
    rate = int(rng.choice(RATES))
    parts = list(stretches(rng, rate))
    audio = AudioSegment(build(parts).tobytes(), sample_width=2, frame_rate=rate, channels=1)
    return {
        "rate": rate,
        "parts": parts,
        "length": len(audio),
        "silent": [[list(s), silence.detect_silence(audio, *s)] for s in SETTINGS],
        "nonsilent": [[list(s), silence.detect_nonsilent(audio, *s)] for s in SETTINGS],
        "split": [
            [[ms, db, keep], [int(p.frame_count()) for p in silence.split_on_silence(audio, ms, db, keep, 10)]]
            for ms, db, keep in ((1000, -50, 1000), (100, -40, 1000), (1000, -50, 500), (100, -40, 30))
        ],
        "leading": [[db, silence.detect_leading_silence(audio, db)] for db in (-42, -50, -15)],
        "trimmed": int(trim(audio).frame_count()),
    }


generator = np.random.default_rng(3)
cases = [case(generator) for _ in range(60)]
Path(__file__).with_name("pydub_silence.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
