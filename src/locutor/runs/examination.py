"""The job that measures every saved model of a run, and says which to take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from locutor.evaluation.evaluate import Listeners
from locutor.evaluation.listeners import load
from locutor.evaluation.report import Item, Result
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import JobOutcome
from locutor.runs import judge
from locutor.runs.catalog import RunCatalog
from locutor.runs.speech import BASE
from locutor.serving.backend import SpeechBackend, SpeechCall
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

COMPARE = "compare_checkpoints"


@dataclass(frozen=True)
class Examination:
    """Models speak through the service's backend. listeners: loaded at the first comparison."""

    catalog: RunCatalog
    speech: SpeechBackend
    listeners: Callable[[], Listeners] = lambda: load(lambda error: None)

    def kind(self) -> JobKind:
        return JobKind(name=COMPARE, run=self.run, lane="examination")

    @cached_property
    def _ears(self) -> Listeners:
        return self.listeners()

    def run(self, context: JobContext) -> JobOutcome:
        """params: run; n_texts, again (measure also what was measured before). result: figures by model, best, why."""
        params = context.job.params
        run, n_texts = params["run"], params["n_texts"]
        models = [model for model in reversed(self.catalog.models(run)) if model.facts is not None]
        places = {f"{run}/{BASE}": self.catalog.get(run).path / BASE} | {model.id: model.path for model in models}
        figures: dict[str, dict[str, float]] = {}
        for k, (name, place) in enumerate(places.items()):
            context.check()
            place.mkdir(exist_ok=True)
            found = None if params["again"] else judge.kept(place)
            figures[name] = found or self._measure(context, name, n_texts, k * n_texts, len(places) * n_texts)
            judge.keep(place, figures[name])
        best, why = judge.best_of({name: of for name, of in figures.items() if name != f"{run}/{BASE}"})
        return JobOutcome(result={"figures": figures, "best": best, "why": why})

    def _measure(self, context: JobContext, name: str, n_texts: int, n_before: int, total: int) -> dict[str, float]:
        run, _, model = name.partition("/")
        folder = self.catalog.get(run)
        voice, base, done = judge.run_voice(folder), folder.config().base, n_before

        def speak(item: Item) -> Waveform:
            request = SpeechRequest(text=item.text, language=item.language, options=SynthesisOptions(seed=0))
            call = SpeechCall.of(
                request, voice, model=base if model == BASE else name, cancelled=context.cancelled
            )  # fmt: skip
            return self.speech.speak(call, lambda done, total: None).waveform

        def heard(result: Result) -> None:
            nonlocal done
            done += 1
            context.check()
            context.progress(done, total, f"measuring: {name}")

        return judge.figures(judge.examine(folder, speak, self._ears, n_texts=n_texts, on_result=heard))
