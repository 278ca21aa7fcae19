"""Every model of a run is measured once: while the run goes on, or when somebody asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from locutor.errors import NotFoundError
from locutor.evaluation.evaluate import Listeners
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import Judge, Speaker, figures
from locutor.runs.verdict import Judgement, Verdict, keep, kept, verdict_on
from locutor.training import saved
from locutor.voices.store import Voice

BASE = "base"


@dataclass(frozen=True, kw_only=True)
class Appraiser:
    """Measures the models of a run with the same prompts. listen: loads whoever listens, at the first measurement."""

    catalog: RunCatalog
    run: str
    speaker: Speaker
    listen: Callable[[], Listeners]
    others: Sequence[Voice] = ()
    n_texts: int = 12
    seed: int = 0

    @cached_property
    def _listeners(self) -> Listeners:
        return self.listen()

    @property
    def _conditions(self) -> Judgement:
        others = tuple(voice.id for voice in self.others)
        return Judgement(figures={}, n_texts=self.n_texts, seed=self.seed, others=others)

    def names(self) -> list[str]:
        """The base and the saved models, the oldest first."""
        return [BASE, *(m.name for m in reversed(self.catalog.models(self.run)) if m.facts is not None)]

    def pending(self) -> list[str]:
        """Those of them that were not measured yet, or otherwise."""
        found = {name: kept(self._place(name)) for name in self.names()}
        return [name for name, known in found.items() if known is None or not known.is_like(self._conditions)]

    def appraise(self, name: str, on_text: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Measure a model and keep the figures beside it. on_text: called with (texts done, of how many); what it
        raises ends the measurement, and nothing is kept."""
        judge = Judge(
            folder=self.catalog.get(self.run),
            speaker=self.speaker,
            listeners=self._listeners,
            others=self.others,
            n_texts=self.n_texts,
            seed=self.seed,
        )
        items, done = judge.items(), iter(range(1, self.n_texts + 1))
        report = judge.judge(f"{self.run}/{name}", lambda _: on_text and on_text(next(done), len(items)), items)
        values, place = figures(report), self._place(name)
        if name == BASE:
            place.mkdir(exist_ok=True)
        elif not place.is_dir():
            raise NotFoundError(f"{self.run}/{name} was removed while it was measured")
        keep(place, replace(self._conditions, figures=values))
        return values

    def figures(self, name: str) -> dict[str, float]:
        """What was measured; empty before it was."""
        found = kept(self._place(name))
        return found.figures if found else {}

    def verdict(self) -> Verdict | None:
        """Which saved model is best, None before one was measured."""
        return verdict_on(self.catalog.models(self.run))

    def settle(self) -> Verdict | None:
        """The verdict, and model_best stands for it from now on."""
        found = self.verdict()
        if found is not None:
            saved.point(self.catalog.get(self.run).checkpoints, saved.BEST, found.name)
        return found

    def _place(self, name: str) -> Path:
        folder = self.catalog.get(self.run)
        return folder.path / BASE if name == BASE else folder.checkpoints / name
