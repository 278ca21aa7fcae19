"""An engine of a third party, as an installed distribution: quick, and its output shows what it was asked for.

Words it knows: "pause" is 3 s of silence, "FAIL" an engine error, "CRASH" a bug, "WAIT" a minute of work, "SLOW" a
minute of work in short steps, "DIE" the end of the process, "DIE path" so once, until that file is there.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from locutor.engines.base import AudioChunk, Done, EngineInfo, Event, Failed, Utterance, VoicePrompt
from locutor.errors import EngineError
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

RATE = 8000


@dataclass
class ToneEngine:
    """Speaks 100 samples a character; keeps what it was asked."""

    info: EngineInfo = EngineInfo(
        name="tone",
        sample_rate=RATE,
        languages=("en", "pt-BR", "it"),
        needs_ref_text=False,
        streams=False,
        max_batch=3,
        max_chars=60,
        licence="CC0-1.0",
        commercial_use=True,
    )
    requests: list[SpeechRequest] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    encoded: int = 0
    closed: bool = False

    def encode_voice(self, ref_audio: Waveform, ref_text: str | None = None) -> VoicePrompt:
        self.encoded += 1
        return VoicePrompt(engine="tone", ref_audio=ref_audio, ref_text=ref_text, state=None)

    def prepare(self, request: SpeechRequest, voice: VoicePrompt) -> Utterance:
        self.requests.append(request)
        seed, fixed_s = request.options.seed, request.options.fix_duration_s
        assert seed is not None and len(request.text) <= self.info.max_chars
        n_samples = 100 * len(request.text) if fixed_s is None else round(fixed_s * RATE)
        return Utterance(text=request.text, n_frames=n_samples, seed=seed, state=None)

    def open_session(self, options: SynthesisOptions) -> "ToneSession":
        return ToneSession(self)

    def close(self) -> None:
        self.closed = True


@dataclass
class ToneSession:
    engine: ToneEngine
    admitted: list[Utterance] = field(default_factory=list)
    has_begun: bool = False
    dropped: set[int] = field(default_factory=set)
    n_slow: int = 0

    def admit(self, utterance: Utterance) -> int:
        if len(self.admitted) >= self.engine.info.max_batch:
            raise EngineError("the session is full")
        self.admitted.append(utterance)
        return len(self.admitted) - 1

    def step(self) -> list[Event]:
        if not self.has_begun:
            self.has_begun = True
            return []
        if self.n_slow < 3000 and any("SLOW" in u.text for i, u in enumerate(self.admitted) if i not in self.dropped):
            self.n_slow += 1
            time.sleep(0.02)
            return []
        self.engine.batches.append([u.text for u in self.admitted])
        events: list[Event] = []
        for i, utterance in enumerate(self.admitted):
            if i in self.dropped:
                continue
            if "FAIL" in utterance.text:
                return [Failed(i, EngineError(f"cannot say {utterance.text!r}"))]
            events += [AudioChunk(i, tone(utterance)), Done(i)]
        return events

    def cancel(self, utterance: int) -> None:
        self.dropped.add(utterance)


def tone(utterance: Utterance) -> Waveform:
    """Length by the text, content by the seed."""
    noise = np.random.default_rng(utterance.seed).uniform(-0.5, 0.5, utterance.n_frames)
    if "pause" in utterance.text:
        half = len(noise) // 2
        noise = np.concatenate([noise[:half], np.zeros(3 * RATE), noise[half:]])
    if "DIE" in utterance.text:
        die(utterance.text.partition("DIE")[2].strip())
    if "CRASH" in utterance.text:
        raise KeyError("a bug\nof two lines")
    if "WAIT" in utterance.text:
        time.sleep(60)
    return Waveform(noise.astype(np.float32), RATE)


def die(path: str) -> None:
    if path and Path(path).exists():
        return
    if path:
        Path(path).touch()
    os.kill(os.getpid(), 9)


def load(checkpoint: Any, device: str) -> ToneEngine:
    return ToneEngine()
