"""Jobs that let saved models speak: one clip, or two models side by side with what was measured."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from locutor.audio import io
from locutor.evaluation.evaluate import Listeners
from locutor.evaluation.listeners import load
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import JobOutcome
from locutor.runs.ab import METHODS, cepstral_similarity, measure
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import run_voice
from locutor.serving.backend import SpeechBackend, SpeechCall
from locutor.serving.recipe import Speech
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.library import VoiceLibrary

SPEAK, AB_TEST = "checkpoint_speech", "ab_test"
BASE = "base"


@dataclass(frozen=True)
class SavedModelSpeech:
    """What saved models say. listeners: loaded at the first comparison."""

    catalog: RunCatalog
    speech: SpeechBackend
    voices: VoiceLibrary
    listeners: Callable[[], Listeners] = lambda: load(lambda error: None)

    def kinds(self) -> tuple[JobKind, ...]:
        return JobKind(name=SPEAK, run=self.speak), JobKind(name=AB_TEST, run=self.compare)

    @cached_property
    def _ears(self) -> Listeners:
        return self.listeners()

    def speak(self, context: JobContext) -> JobOutcome:
        """params: checkpoint (RUN/NAME or RUN/base), text; voice (else the run's own), speed, seed. output "audio"."""
        params = context.job.params
        speech = self._say(context, params["checkpoint"], params)
        audio = context.stage(
            io.encode(speech.waveform, "wav"), filename=f"{context.job.id}.wav", media_type="audio/wav"
        )
        result = {"duration_s": speech.waveform.duration_s, "checkpoint": params["checkpoint"]}
        return JobOutcome(result=result, outputs={"audio": audio}, recipe=asdict(speech.recipe))

    def compare(self, context: JobContext) -> JobOutcome:
        """params: a, b (as checkpoint above), text; seed. outputs "a", "b"; result: the figures of both, and how each
        was measured."""
        params = context.job.params
        target = io.read(run_voice(self.catalog.get(params["b"].partition("/")[0])).ref_audio)
        figures, outputs, recipes = {}, {}, {}
        for side in "ab":
            speech = self._say(context, params[side], params)
            context.check()
            waveform = speech.waveform
            figures[side] = measure(waveform, params["text"], speech.recipe.language, self._ears, target)
            figures[side]["mfcc"] = cepstral_similarity(waveform, target)
            outputs[side] = context.stage(
                io.encode(waveform, "wav"), filename=f"{context.job.id}_{side}.wav", media_type="audio/wav"
            )
            recipes[side] = asdict(speech.recipe)
        result = {"a": params["a"], "b": params["b"], "figures": figures, "methods": METHODS}
        return JobOutcome(result=result, outputs=outputs, recipe=recipes)

    def _say(self, context: JobContext, checkpoint: str, params: dict[str, Any]) -> Speech:
        run, _, name = checkpoint.partition("/")
        folder = self.catalog.get(run)
        config = folder.config()
        voice = self.voices.get(params["voice"]) if params.get("voice") else run_voice(folder)
        options = SynthesisOptions(speed=params.get("speed", 1.0), seed=params.get("seed", 0))
        request = SpeechRequest(text=params["text"], language=config.language, options=options)
        model = config.base if name == BASE else self.catalog.model(checkpoint).id
        call = SpeechCall.of(request, voice, model=model, cancelled=context.cancelled)
        return self.speech.speak(call, lambda done, total: context.progress(done, total, f"speaking: {checkpoint}"))
