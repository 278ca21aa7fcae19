"""The contract every engine meets, and the one loop that drives its sessions.

An engine speaks: it turns a reference into a VoicePrompt once, a request into an Utterance (on the CPU), and runs
utterances in sessions on its device. A session is driven by one thread: admit utterances, step until each is done.
Batching, streaming and cancelling are the same loop for every engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from locutor.errors import LocutorError
from locutor.types import SpeechRequest, SynthesisOptions, Waveform


@dataclass(frozen=True, kw_only=True)
class EngineInfo:
    """What a user must know before choosing an engine.

    languages: tags it was trained for. needs_ref_text: cloning needs the transcript of the reference.
    max_batch: utterances that one session is given. max_chars: longest text of one utterance; longer ones are split
    before.
    reads_phonemes: a stretch of text between slashes is taken as phonemes.
    max_chars_of: for languages whose limit differs from max_chars. cleans_text: numbers and abbreviations are read out
    by the engine itself in languages that Locutor has no normaliser for.
    """

    name: str
    sample_rate: int
    languages: tuple[str, ...]
    needs_ref_text: bool
    streams: bool
    max_batch: int
    max_chars: int
    licence: str
    commercial_use: bool
    reads_phonemes: bool = False
    max_chars_of: Mapping[str, int] = field(default_factory=dict)
    cleans_text: bool = False

    def char_limit(self, language: str) -> int:
        """Longest text of one utterance in a language."""
        return self.max_chars_of.get(language, self.max_chars)


@dataclass(frozen=True, kw_only=True)
class VoicePrompt:
    """A reference voice as one engine's checkpoint hears it; `state` is the engine's own and opaque to others."""

    engine: str
    ref_audio: Waveform
    ref_text: str | None
    state: Any


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One text ready for the device, n_frames mel frames long; `state` is the engine's own (tokens, prompt)."""

    text: str
    n_frames: int
    seed: int
    state: Any


UtteranceId: TypeAlias = int


@dataclass(frozen=True)
class AudioChunk:
    """The next piece of an utterance's audio, in order."""

    utterance: UtteranceId
    waveform: Waveform


@dataclass(frozen=True)
class Done:
    """The utterance is complete; no further event of it follows."""

    utterance: UtteranceId


@dataclass(frozen=True)
class Failed:
    """The utterance ended with an error; the others of the session go on."""

    utterance: UtteranceId
    error: LocutorError


Event: TypeAlias = AudioChunk | Done | Failed


class Session(Protocol):
    """One batch on the device; not thread-safe."""

    def admit(self, utterance: Utterance) -> UtteranceId:
        """Take an utterance; EngineError when the session has begun and cannot take more, or is full."""
        ...

    def step(self) -> list[Event]:
        """Do one bounded piece of work. An empty list means: more steps are needed."""
        ...

    def cancel(self, utterance: UtteranceId) -> None:
        """Forget the utterance; no further event of it follows."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A model that speaks."""

    info: EngineInfo

    def encode_voice(self, ref_audio: Waveform, ref_text: str | None = None) -> VoicePrompt:
        """Prepare a reference. Raises AudioError for one that is silent, too short or too long, TextError when the
        engine needs a transcript and has none."""
        ...

    def prepare(self, request: SpeechRequest, voice: VoicePrompt) -> Utterance:
        """Tokens and length of one text of at most info.max_chars. Raises TextError when nothing can be spoken."""
        ...

    def open_session(self, options: SynthesisOptions) -> Session:
        """A batch whose utterances share the options that shape the solve (nfe_step, cfg_strength, sway)."""
        ...

    def close(self) -> None:
        """Give the memory back; the engine cannot be used afterwards."""
        ...


@runtime_checkable
class BlendsVoices(Protocol):
    """What an engine offers besides that can mix voices."""

    def blend(self, prompts: Sequence[VoicePrompt], weights: Sequence[float]) -> VoicePrompt:
        """A voice between 2 to 5 others; the weights sum to 1. Raises AudioError for weights it cannot mix."""
        ...


@runtime_checkable
class HearsClips(Protocol):
    """What an engine offers besides that hears the recordings of a voice apart; for others they are joined into one."""

    def encode_clips(self, clips: Sequence[Waveform]) -> VoicePrompt:
        """A voice of one or more recordings, in order. Raises AudioError as encode_voice."""
        ...


@runtime_checkable
class HasSpeakers(Protocol):
    """What an engine offers besides whose checkpoint brings voices along."""

    def studio_voice(self, name: str) -> VoicePrompt:
        """The voice of that name; NotFoundError lists the names."""
        ...


def synthesize(engine: Engine, utterances: Sequence[Utterance], options: SynthesisOptions) -> list[Waveform]:
    """Run utterances to their end in batches of at most info.max_batch and return their audio in order.

    Raises the error of the first utterance that failed.
    """
    waveforms: list[Waveform] = []
    for start in range(0, len(utterances), engine.info.max_batch):
        waveforms += _run_batch(engine, utterances[start : start + engine.info.max_batch], options)
    return waveforms


def _run_batch(engine: Engine, batch: Sequence[Utterance], options: SynthesisOptions) -> list[Waveform]:
    session = engine.open_session(options)
    ids = [session.admit(utterance) for utterance in batch]
    pieces: dict[UtteranceId, list[Waveform]] = {i: [] for i in ids}
    open_ids = set(ids)
    while open_ids:
        for event in session.step():
            match event:
                case AudioChunk(utterance, waveform):
                    pieces[utterance].append(waveform)
                case Done(utterance):
                    open_ids.discard(utterance)
                case Failed(_, error):
                    raise error
    rate = engine.info.sample_rate
    return [Waveform(np.concatenate([p.samples for p in pieces[i]]), rate) for i in ids]
