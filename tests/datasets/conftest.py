"""Recordings made of the clips of the tests, and a listener that knows what is said in them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.asr import Segment, Transcript, Word
from locutor.analysis.vad import SileroVad, SpeechSpan
from locutor.audio import io
from locutor.audio.edit import join, pad
from locutor.audio.resample import resample
from locutor.datasets import Dataset, DatasetStore
from locutor.types import Waveform

CLIPS = Path(__file__).parents[1] / "analysis" / "clips"
RATE = 16_000
SPOKEN = {"en_a1": "The bakery on the corner opens early."}


@dataclass
class Dictation:
    """A Transcriber that writes down what it is told to: by the length of the sound, else `text`."""

    text: str = "What was said here is this, and nothing but this today."
    by_length: dict[int, str] = field(default_factory=dict)
    n_calls: int = 0

    def transcribe(self, waveform: Waveform, language: str | None = None) -> Transcript:
        self.n_calls += 1
        text = self.by_length.get(waveform.n_samples, self.text)
        words = tuple(Word(0.1 * i, 0.1 * i + 0.1, word, 0.9) for i, word in enumerate(text.split()))
        return Transcript(text, language or "en", (Segment(0.0, waveform.duration_s, text, words),), is_loop=False)


@dataclass(frozen=True)
class Marked:
    """A VoiceDetector for tones: speech is whatever is not silent, pauses of 0.1 s and more part it."""

    def speech(self, waveform: Waveform) -> list[SpeechSpan]:
        n = waveform.sample_rate // 100
        loud = np.abs(waveform.samples[: waveform.n_samples // n * n]).reshape(-1, n).max(axis=1) > 0.01
        edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]])))
        spans: list[SpeechSpan] = []
        for start, end in edges.reshape(-1, 2) / 100:
            if spans and start - spans[-1].end_s < 0.1:
                start = spans.pop().start_s
            spans.append(SpeechSpan(float(start), float(end)))
        return spans


@pytest.fixture(scope="session")
def voice() -> Waveform:
    """Two seconds of speech at 16 kHz."""
    return resample(io.read(CLIPS / "en_a1.opus"), RATE)


@pytest.fixture(scope="session")
def silero() -> SileroVad:
    return SileroVad(min_speech_s=0.1, min_silence_s=0.1)


@pytest.fixture
def dictation() -> Dictation:
    return Dictation()


@pytest.fixture
def marked() -> Marked:
    return Marked()


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return DatasetStore(tmp_path / "datasets").create("mine", "en")


Hum = Callable[..., Waveform]


def tones(lengths_s: Sequence[float], pause_s: float = 0.4, seed: int = 0) -> Waveform:
    """Hums of these lengths with noise far below, so that they pass for clean speech; pauses around each."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, length_s in enumerate(lengths_s):
        time_s = np.arange(round(length_s * RATE)) / RATE
        sound = sum(np.sin(2 * np.pi * f * time_s + number) / (k + 1) for k, f in enumerate((150, 310, 470, 3900)))
        swell = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_s)
        parts.append(pad(Waveform(0.15 * sound * swell, RATE), pause_s / 2, pause_s / 2))
    whole = join(parts)
    return Waveform(whole.samples + 0.0003 * rng.standard_normal(whole.n_samples).astype(np.float32), RATE)


@pytest.fixture
def hum() -> Hum:
    return tones


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A folder of twelve recordings, each of a hum and with a text beside it."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(12):
        io.write(folder / f"take {number:02d}.wav", tones([2 + number / 10], seed=number))
        (folder / f"take {number:02d}.lab").write_text(f"This is recording number {number}, as it was read out.\n")
    return folder


def load_json(path: Path) -> object:
    return json.loads(path.read_text())
