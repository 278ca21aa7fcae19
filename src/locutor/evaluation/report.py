"""The figures of an evaluation: each with a 95 % interval, as a table and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from locutor.evaluation.intelligibility import Intelligibility
from locutor.evaluation.similarity import Similarity
from locutor.evaluation.speed import Timing

if TYPE_CHECKING:
    from rich.table import Table

_N_RESAMPLES = 2000

MEASURES = {
    "wer": "word error rate",
    "cer": "character error rate",
    "loops": "repetition loops",
    "failures": "failures",
    "sim": "similarity to the own reference",
    "margin": "margin over the nearest other voice",
    "mean_margin": "margin over the other voices, mean",
    "identified": "own voice is the nearest",
    "mos": "predicted MOS",
    "rtf": "real-time factor",
}


@dataclass(frozen=True)
class Item:
    """One text to be spoken. voice: a key of the references given to `evaluate`."""

    name: str
    text: str
    language: str
    voice: str = "default"


@dataclass(frozen=True)
class Result:
    """What was measured on one item, None without whoever measures it. error: why there is no usable audio; then timing
    is None, the rest worst."""

    item: Item
    intelligibility: Intelligibility | None
    similarity: Similarity | None = None
    mos: float | None = None
    timing: Timing | None = None
    error: str | None = None


@dataclass(frozen=True)
class Interval:
    """A figure over n items with the bounds of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def bootstrap(numerators: Sequence[float], denominators: Sequence[float] | None = None) -> Interval:
    """Sum over sum (the mean without denominators), resampled by items 2,000 times, always with the same draws."""
    top = np.asarray(numerators, np.float64)
    bottom = np.ones_like(top) if denominators is None else np.asarray(denominators, np.float64)
    draws = np.random.default_rng(0).integers(0, top.size, (_N_RESAMPLES, top.size))
    low, high = np.percentile(top[draws].sum(axis=1) / bottom[draws].sum(axis=1), [2.5, 97.5])
    return Interval(float(top.sum() / bottom.sum()), float(low), float(high), top.size)


@dataclass(frozen=True)
class Report:
    """All results, in order."""

    results: tuple[Result, ...]

    def summary(self) -> dict[str, Interval]:
        """Figures by the names of MEASURES; those that were not measured are left out.

        Error rates and the real-time factor are pooled: all errors over all words, all seconds over all seconds.
        """
        heard = [r.intelligibility for r in self.results if r.intelligibility is not None]
        sims = [r.similarity for r in self.results if r.similarity is not None]
        timings = [r.timing for r in self.results if r.timing is not None]
        ratios: dict[str, tuple[Sequence[float], Sequence[float] | None]] = {
            "wer": ([h.word_errors for h in heard], [h.n_words for h in heard]),
            "cer": ([h.char_errors for h in heard], [h.n_chars for h in heard]),
            "loops": ([h.is_loop for h in heard], None),
            "failures": ([r.error is not None for r in self.results], None),
            "sim": ([s.own for s in sims], None),
            "margin": ([s.margin for s in sims if s.margin is not None], None),
            "mean_margin": ([s.mean_margin for s in sims if s.mean_margin is not None], None),
            "identified": ([s.identified for s in sims if s.identified is not None], None),
            "mos": ([r.mos for r in self.results if r.mos is not None], None),
            "rtf": ([t.wall_s for t in timings], [t.audio_s for t in timings]),
        }
        return {name: bootstrap(top, bottom) for name, (top, bottom) in ratios.items() if top}

    def to_json(self) -> str:
        """Summary and results, keys as in the dataclasses, with wer, cer and rtf of each item added."""
        results = [_plain(r) for r in self.results]
        summary = {name: asdict(interval) for name, interval in self.summary().items()}
        return json.dumps({"summary": summary, "results": results}, ensure_ascii=False, indent=2)

    def table(self) -> "Table":
        """The summary for a terminal."""
        from rich.table import Table

        table = Table("measure", "value", "95 % interval", "items", title=f"{len(self.results)} texts")
        for name, interval in self.summary().items():
            show = _percent if name in ("wer", "cer", "loops", "failures", "identified") else _decimal
            bounds = f"{show(interval.low)} to {show(interval.high)}"
            table.add_row(MEASURES[name], show(interval.value), bounds, str(interval.n))
        return table


def _plain(result: Result) -> dict[str, object]:
    plain = asdict(result)
    if result.intelligibility is not None:
        plain["intelligibility"] |= {"wer": result.intelligibility.wer, "cer": result.intelligibility.cer}
    if result.timing is not None:
        plain["timing"]["rtf"] = result.timing.rtf
    return plain


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _decimal(value: float) -> str:
    return f"{value:.3f}"
