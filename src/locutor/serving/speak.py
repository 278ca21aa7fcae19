"""Speaking in this process: a request and a voice in, audio and its recipe out."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from locutor.engines.base import Engine, VoicePrompt
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import EngineError
from locutor.serving.backend import ChunkProgress, Spoken
from locutor.serving.joining import Joiner
from locutor.serving.longform import speak_chunks
from locutor.serving.plan import Plan, plan_speech, shown
from locutor.serving.recipe import Recipe, Speech
from locutor.text.lexicon import Lexicon
from locutor.types import SpeechRequest, Waveform
from locutor.voices.prompts import PromptCache
from locutor.voices.store import Voice


@dataclass(frozen=True, kw_only=True)
class LocalSpeech:
    """Speech of one engine in this process, without a queue; not thread-safe: an engine has one session at a time."""

    engine: Engine
    checkpoint: Checkpoint
    device: str
    lexicon: Lexicon | None = None
    prompts: PromptCache = field(default_factory=PromptCache)

    def speak(self, request: SpeechRequest, voice: Voice, on_progress: ChunkProgress | None = None) -> Speech:
        start = time.perf_counter()
        plan = self._plan(request)
        prepared = self.prompts.get(self.engine, self.checkpoint.sha256, voice)
        pieces = [piece.samples for piece in self._pieces(plan, voice, prepared.prompt, on_progress)]
        if not pieces:
            raise EngineError(f"engine {self.engine.info.name!r} returned no audio for {shown(request.text)}")
        waveform = Waveform(np.concatenate(pieces), self.engine.info.sample_rate)
        recipe = self._recipe(plan, voice, waveform.duration_s, time.perf_counter() - start)
        return Speech(waveform, recipe, prepared.warnings)

    def stream(self, request: SpeechRequest, voice: Voice) -> Iterator[Waveform]:
        plan = self._plan(request)
        prepared = self.prompts.get(self.engine, self.checkpoint.sha256, voice)
        yield from self._pieces(plan, voice, prepared.prompt, None)

    def close(self) -> None:
        """Give the engine's memory back."""
        self.engine.close()

    def _plan(self, request: SpeechRequest) -> Plan:
        return plan_speech(request, self.engine.info, self.checkpoint.card.id, self.lexicon)

    def _pieces(
        self, plan: Plan, voice: Voice, prompt: VoicePrompt, on_progress: ChunkProgress | None
    ) -> Iterator[Waveform]:
        spoken = speak_chunks(self.engine, prompt, plan.chunks, plan.request.options)
        joiner = Joiner([Spoken(plan.request, voice)], self.engine.info.sample_rate)
        for waveform in _counted(spoken, len(plan.chunks), on_progress):
            yield from joiner.take(0, waveform)
        yield from joiner.end()

    def _recipe(self, plan: Plan, voice: Voice, duration_s: float, elapsed_s: float) -> Recipe:
        card, info = self.checkpoint.card, self.engine.info
        return Recipe(
            model=card.id,
            engine=info.name,
            checkpoint_sha256=self.checkpoint.sha256,
            device=self.device,
            licence=card.licence,
            commercial_use=card.commercial_use,
            voice=voice.id,
            language=plan.request.language,
            text=plan.request.text,
            spoken=plan.spoken,
            n_chunks=len(plan.chunks),
            options=asdict(plan.request.options),
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
