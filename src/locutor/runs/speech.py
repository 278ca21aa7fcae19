"""Jobs that let saved models speak: one clip, two models side by side, or all of a run with what was measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

from locutor.audio import io
from locutor.evaluation.evaluate import Listeners
from locutor.evaluation.listeners import load
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import JobOutcome
from locutor.runs.ab import METHODS, cepstral_similarity, measure
from locutor.runs.appraise import BASE, Appraiser
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import Speak, run_voice
from locutor.serving.backend import SpeechBackend, SpeechCall
from locutor.serving.recipe import Speech
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.library import VoiceLibrary
from locutor.voices.store import Voice

SPEAK, AB_TEST, COMPARE = "checkpoint_speech", "ab_test", "checkpoint_comparison"


@dataclass(frozen=True)
class SavedModelSpeech:
    """What saved models say. listeners: loaded at the first comparison."""

    catalog: RunCatalog
    speech: SpeechBackend
    voices: VoiceLibrary
    listeners: Callable[[], Listeners] = lambda: load(lambda error: None)

    def kinds(self) -> tuple[JobKind, ...]:
        kinds = {SPEAK: self.speak, AB_TEST: self.ab_test, COMPARE: self.compare}
        return tuple(JobKind(name=name, run=run) for name, run in kinds.items())

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
        """params: run, n_texts. result: best, why, figures of every model by id. Measures what was not measured yet."""
        run = context.job.params["run"]

        @contextmanager
        def speaker(model_id: str) -> Iterator[Speak]:
            yield lambda request, voice: self._call(context, model_id, request, voice).waveform

        appraiser = Appraiser(
            catalog=self.catalog, run=run, speaker=speaker, listen=lambda: self._ears,
            n_texts=context.job.params["n_texts"],
        )  # fmt: skip
        pending = appraiser.pending()
        for i, name in enumerate(pending):
            appraiser.appraise(name, partial(_progress, context, f"{run}/{name}", i, len(pending)))
        verdict = appraiser.settle()
        best = {"best": f"{run}/{verdict.name}", "why": verdict.why} if verdict else {"best": None, "why": None}
        figures = {f"{run}/{name}": appraiser.figures(name) for name in appraiser.names()}
        return JobOutcome(result=best | {"figures": figures})

    def ab_test(self, context: JobContext) -> JobOutcome:
        """params: a, b (as checkpoint above), text; seed. outputs "a", "b"; result: the figures of both, and how each
        was measured."""
        params = context.job.params
        target = io.read(run_voice(self.catalog.get(params["b"].partition("/")[0])).recording)
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
        folder = self.catalog.get(checkpoint.partition("/")[0])
        voice = self.voices.get(params["voice"]) if params.get("voice") else run_voice(folder)
        options = SynthesisOptions(speed=params.get("speed", 1.0), seed=params.get("seed", 0))
        request = SpeechRequest(text=params["text"], language=folder.config().language, options=options)
        show = partial(context.progress, message=f"speaking: {checkpoint}")
        return self._call(context, checkpoint, request, voice, show)

    def _call(
        self, context: JobContext, checkpoint: str, request: SpeechRequest, voice: Voice,
        show: Callable[[int, int], None] | None = None,
    ) -> Speech:  # fmt: skip
        run, _, name = checkpoint.partition("/")
        model = self.catalog.get(run).config().base if name == BASE else self.catalog.model(checkpoint).id
        return self.speech.speak(SpeechCall.of(request, voice, model=model, cancelled=context.cancelled), show)


def _progress(context: JobContext, model_id: str, n_before: int, n_models: int, done: int, total: int) -> None:
    context.progress(n_before * total + done, n_models * total, f"listening to {model_id}")
