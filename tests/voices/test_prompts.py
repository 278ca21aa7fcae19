from pathlib import Path
from typing import Any

import numpy as np
import pytest

from locutor.audio import io
from locutor.engines.base import EngineInfo, VoicePrompt
from locutor.errors import AudioError, NotFoundError
from locutor.types import Waveform
from locutor.voices.prompts import PromptCache
from locutor.voices.store import Voice

RATE = 16_000


class CountingEngine:
    """Encodes a voice as the number of times it was asked to."""

    def __init__(self, name: str = "counting") -> None:
        self.encoded = 0
        self.info = EngineInfo(
            name=name, sample_rate=RATE, languages=("en",), needs_ref_text=False, streams=False,
            max_batch=1, max_chars=10, licence="CC0-1.0", commercial_use=True,
        )  # fmt: skip

    def encode_voice(self, ref_audio: Waveform, ref_text: str | None = None) -> VoicePrompt:
        self.encoded += 1
        return VoicePrompt(engine=self.info.name, ref_audio=ref_audio, ref_text=ref_text, state=self.encoded)


def recording(path: Path, seconds: float = 2.0, frequency: float = 220, level: float = 0.3) -> Voice:
    time_s = np.arange(int(seconds * RATE), dtype=np.float32) / RATE
    io.write(path, Waveform(level * np.sin(2 * np.pi * frequency * time_s), RATE))
    return Voice.from_file(path)


@pytest.fixture
def engine() -> Any:
    return CountingEngine()


def test_once_per_engine_checkpoint_and_voice(engine: Any, tmp_path: Path) -> None:
    cache, voice = PromptCache(), recording(tmp_path / "a.wav")
    first = cache.get(engine, "x", voice)
    assert cache.get(engine, "x", voice) is first and engine.encoded == 1
    assert cache.get(engine, "y", voice) is not first
    assert cache.get(CountingEngine("other"), "x", voice).prompt.engine == "other"
    assert cache.get(engine, "x", Voice.from_file(voice.ref_audio, "Hello.")).prompt.ref_text == "Hello."
    assert len(cache) == 4


def test_a_copy_is_the_same_voice_and_an_edit_another(engine: Any, tmp_path: Path) -> None:
    cache, voice = PromptCache(), recording(tmp_path / "a.wav")
    cache.get(engine, "x", voice)
    (tmp_path / "b.wav").write_bytes(voice.ref_audio.read_bytes())
    cache.get(engine, "x", Voice.from_file(tmp_path / "b.wav"))
    assert engine.encoded == 1
    cache.get(engine, "x", recording(tmp_path / "a.wav", frequency=330))
    assert engine.encoded == 2


def test_the_least_recently_used_goes_first(engine: Any, tmp_path: Path) -> None:
    cache = PromptCache(capacity=2)
    a, b, c = (recording(tmp_path / f"{f}.wav", frequency=f) for f in (200, 300, 400))
    for voice in (a, b, a, c, a):
        cache.get(engine, "x", voice)
    assert engine.encoded == 3 and len(cache) == 2
    cache.get(engine, "x", b)
    assert engine.encoded == 4


def test_warnings_of_the_recording_come_along(engine: Any, tmp_path: Path) -> None:
    assert PromptCache().get(engine, "x", recording(tmp_path / "a.wav", seconds=1.5)).warnings


@pytest.mark.parametrize(
    ("seconds", "level", "message"),
    [(0.5, 0.3, "at least 1 s"), (61, 0.3, "longer than 60 s"), (2, 0.0, "silent"), (2, 50, "clipped")],
)
def test_recordings_that_cannot_be_cloned(
    engine: Any, tmp_path: Path, seconds: float, level: float, message: str
) -> None:
    with pytest.raises(AudioError, match=message):
        PromptCache().get(engine, "x", recording(tmp_path / "a.wav", seconds, level=level))
    assert engine.encoded == 0


def test_missing_empty_and_other_files(engine: Any, tmp_path: Path) -> None:
    voice = recording(tmp_path / "a.wav")
    voice.ref_audio.write_bytes(b"")
    with pytest.raises(AudioError, match=r"a.wav is empty \(0 bytes\)"):
        PromptCache().get(engine, "x", voice)
    voice.ref_audio.write_text("this is a text, not a recording")
    with pytest.raises(AudioError, match="not an audio file"):
        PromptCache().get(engine, "x", voice)
    voice.ref_audio.unlink()
    with pytest.raises(NotFoundError):
        PromptCache().get(engine, "x", voice)
