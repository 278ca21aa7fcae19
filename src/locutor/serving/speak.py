"""Speaking in this process: a request and a voice in, audio and its recipe out."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np

from locutor.engines.base import Engine, VoicePrompt
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import EngineError, OptionError, TextError
from locutor.serving.longform import chunk_requests, join_stream, speak_chunks
from locutor.text.languages import LANGUAGES, parse_language
from locutor.text.lexicon import Lexicon
from locutor.text.normalize import normalize
from locutor.text.split import chunk
from locutor.types import SpeechRequest, Waveform
from locutor.voices.prompts import PromptCache
from locutor.voices.store import Voice

ChunkProgress: TypeAlias = Callable[[int, int], None]
"""Called with (chunks spoken, chunks in all)."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What it takes to hear the same again, and what it cost.

    spoken: the text as the engine was given it. options: those of the request, with the seed that was used.
    rtf: elapsed_s / duration_s, loading of the model left out.
    """

    model: str
    engine: str
    checkpoint_sha256: str
    device: str
    licence: str
    commercial_use: bool
    voice: str
    language: str
    text: str
    spoken: str
    n_chunks: int
    options: dict[str, Any]
    duration_s: float
    elapsed_s: float
    rtf: float


@dataclass(frozen=True)
class Speech:
    """warnings: full sentences on the reference, for the user."""

    waveform: Waveform
    recipe: Recipe
    warnings: tuple[str, ...]


class SpeechBackend(Protocol):
    """Whoever turns requests into speech: this process, a worker, a cluster."""

    def speak(self, request: SpeechRequest, voice: Voice, on_progress: ChunkProgress | None = None) -> Speech:
        """The whole text as one waveform. Raises AudioError, TextError, OptionError, NotFoundError, EngineError."""
        ...

    def stream(self, request: SpeechRequest, voice: Voice) -> Iterator[Waveform]:
        """The same samples piece by piece, as they come; raises as speak, at the latest at the first piece."""
        ...


@dataclass(frozen=True)
class _Job:
    """A request made ready: its chunks, with the seed drawn."""

    request: SpeechRequest
    spoken: str
    chunks: list[SpeechRequest]


@dataclass(frozen=True, kw_only=True)
class LocalSpeech:
    """A SpeechBackend on an engine in this process. It is not thread-safe: an engine has one session at a time."""

    engine: Engine
    checkpoint: Checkpoint
    device: str
    lexicon: Lexicon | None = None
    prompts: PromptCache = field(default_factory=PromptCache)

    def speak(self, request: SpeechRequest, voice: Voice, on_progress: ChunkProgress | None = None) -> Speech:
        start = time.perf_counter()
        job = self._plan(request)
        prepared = self.prompts.get(self.engine, self.checkpoint.sha256, voice)
        pieces = [piece.samples for piece in self._pieces(job, prepared.prompt, on_progress)]
        if not pieces:
            raise EngineError(f"engine {self.engine.info.name!r} returned no audio for {_shown(request.text)}")
        waveform = Waveform(np.concatenate(pieces), self.engine.info.sample_rate)
        recipe = self._recipe(job, voice, waveform.duration_s, time.perf_counter() - start)
        return Speech(waveform, recipe, prepared.warnings)

    def stream(self, request: SpeechRequest, voice: Voice) -> Iterator[Waveform]:
        job = self._plan(request)
        prepared = self.prompts.get(self.engine, self.checkpoint.sha256, voice)
        yield from self._pieces(job, prepared.prompt, None)

    def close(self) -> None:
        """Give the engine's memory back."""
        self.engine.close()

    def _plan(self, request: SpeechRequest) -> _Job:
        language = self._language(request.language)
        spoken = self._spoken(request, language)
        if not _can_be_said(spoken):
            raise TextError(f"nothing to speak in {_shown(request.text)}: give a text with letters or numbers")
        drawn = request.options.seed if request.options.seed is not None else secrets.randbelow(2**32)
        seeded = replace(request, language=language, options=replace(request.options, seed=drawn))
        # A line of dashes between two paragraphs is a chunk of its own, and no engine can say it.
        texts = [text for text in chunk(spoken, language, self.engine.info.max_chars) if _can_be_said(text)]
        return _Job(seeded, spoken, chunk_requests(texts, seeded, drawn))

    def _language(self, tag: str) -> str:
        language = parse_language(tag)
        known = self.engine.info.languages
        if language not in known:
            raise OptionError(
                f"model {self.checkpoint.card.id!r} does not speak {language}; it speaks {', '.join(known)}"
            )
        return language

    def _spoken(self, request: SpeechRequest, language: str) -> str:
        spoken = self._as_words(request, language)
        if self.lexicon and self.engine.info.reads_phonemes:
            return self.lexicon.write_phonemes(spoken, language)
        return spoken

    def _as_words(self, request: SpeechRequest, language: str) -> str:
        if not request.normalize:
            return self.lexicon.apply(request.text, language) if self.lexicon else request.text
        if not LANGUAGES[language].has_normalizer:
            raise OptionError(
                f"numbers and abbreviations cannot be read out in {language} yet; write them as words and ask for "
                "the text as it is (--no-normalize)"
            )
        return normalize(request.text, language, self.lexicon)

    def _pieces(self, job: _Job, prompt: VoicePrompt, on_progress: ChunkProgress | None) -> Iterator[Waveform]:
        spoken = speak_chunks(self.engine, prompt, job.chunks, job.request.options)
        counted = _counted(spoken, len(job.chunks), on_progress)
        return join_stream(counted, job.request.options.cross_fade_s)

    def _recipe(self, job: _Job, voice: Voice, duration_s: float, elapsed_s: float) -> Recipe:
        card, info = self.checkpoint.card, self.engine.info
        return Recipe(
            model=card.id,
            engine=info.name,
            checkpoint_sha256=self.checkpoint.sha256,
            device=self.device,
            licence=card.licence,
            commercial_use=card.commercial_use,
            voice=voice.id,
            language=job.request.language,
            text=job.request.text,
            spoken=job.spoken,
            n_chunks=len(job.chunks),
            options=asdict(job.request.options),
            duration_s=duration_s,
            elapsed_s=elapsed_s,
            rtf=elapsed_s / duration_s,
        )


def _counted(waveforms: Iterator[Waveform], total: int, on_progress: ChunkProgress | None) -> Iterator[Waveform]:
    if on_progress:
        on_progress(0, total)
    for done, waveform in enumerate(waveforms, start=1):
        if on_progress:
            on_progress(done, total)
        yield waveform


def _can_be_said(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
