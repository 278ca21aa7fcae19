"""What was measured of a run's models, kept beside each, and which of them is best by it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from locutor.audio.files import replacing
from locutor.errors import OptionError
from locutor.runs.catalog import SavedModel

REPORT_NAME = "evaluation.json"
TOLERATED_WER = 0.02


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """figures: by the names of evaluation.report.MEASURES. n_texts, seed, others: how they were measured; only figures
    that were measured alike can be compared."""

    figures: dict[str, float]
    n_texts: int
    seed: int
    others: tuple[str, ...] = ()

    def is_like(self, other: "Judgement") -> bool:
        return (self.n_texts, self.seed, self.others) == (other.n_texts, other.seed, other.others)


@dataclass(frozen=True)
class Verdict:
    """name: of the best model. why: a sentence without its beginning, "the most similar ..."."""

    name: str
    why: str


def keep(model: Path, judgement: Judgement) -> None:
    """Store what was measured of a model beside it."""
    with replacing(model / REPORT_NAME) as file:
        file.write(json.dumps(asdict(judgement), indent=1).encode())


def kept(model: Path) -> Judgement | None:
    """What was measured of a model before."""
    path = model / REPORT_NAME
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Judgement(**found | {"others": tuple(found["others"])})


def measured(models: Iterable[SavedModel]) -> list[tuple[SavedModel, Judgement]]:
    """Those of which something was measured, with it."""
    return [(model, found) for model in models if model.facts and (found := kept(model.path)) is not None]


def verdict_on(models: Iterable[SavedModel]) -> Verdict | None:
    """Of the models of one run: the best of those measured alike last, None where none was, or no figure decides."""
    return verdict_of(measured(models))


def verdict_of(judged: Sequence[tuple[SavedModel, Judgement]]) -> Verdict | None:
    """The same, of what `measured` gave."""
    if not judged:
        return None
    _, newest = max(judged, key=lambda pair: (pair[0].path / REPORT_NAME).stat().st_mtime)
    alike = [(model, found) for model, found in judged if found.is_like(newest)]
    return _best_of({m.name: found.figures | (m.facts.held_out if m.facts else {}) for m, found in alike})


def best_of(judged: Mapping[str, Mapping[str, float]]) -> Verdict:
    """Of those whose word errors are within 2 points of the lowest, the most similar to the speaker.

    Where similarity was not measured, the lowest word error rate; where neither was, the lowest held-out loss ("loss").
    Similarity alone does not decide: it can be bought with lost words. Raises OptionError without any figure of these.
    """
    if (found := _best_of(judged)) is None:
        raise OptionError("no model was evaluated yet, and there are no held-out losses")
    return found


def _best_of(judged: Mapping[str, Mapping[str, float]]) -> Verdict | None:
    if judged and all("wer" in figures for figures in judged.values()):
        lowest = min(figures["wer"] for figures in judged.values())
        intelligible = {n: figures for n, figures in judged.items() if figures["wer"] <= lowest + TOLERATED_WER}
        if all("sim" in figures for figures in intelligible.values()):
            name = max(intelligible, key=lambda n: intelligible[n]["sim"])
            return Verdict(name, _most_similar(intelligible[name]["sim"], len(intelligible), lowest))
        return Verdict(min(judged, key=lambda n: judged[n]["wer"]), f"the lowest word error rate ({lowest:.1%})")
    losses = {name: figures["loss"] for name, figures in judged.items() if "loss" in figures}
    if not losses:
        return None
    name = min(losses, key=lambda n: losses[n])
    return Verdict(name, f"the lowest held-out loss ({losses[name]:.4f}); word errors were not measured")


def _most_similar(sim: float, n: int, lowest: float) -> str:
    return (
        f"the most similar to the speaker ({sim:.3f}) of {n} whose word error rate is within "
        f"{100 * TOLERATED_WER:g} points of the lowest ({lowest:.1%})"
    )
