"""Which model is best by what was measured, and that only figures measured alike are compared."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from locutor.errors import OptionError
from locutor.runs.catalog import RunCatalog, SavedModel
from locutor.runs.verdict import Judgement, best_of, keep, kept, verdict_on

SaveRun = Callable[..., None]


def test_the_most_similar_of_those_that_are_understood() -> None:
    found = best_of(
        {
            "a": {"wer": 0.050, "sim": 0.70}, "b": {"wer": 0.069, "sim": 0.80}, "c": {"wer": 0.071, "sim": 0.90}
        }
    )  # fmt: skip
    assert found.name == "b"
    assert found.why == (
        "the most similar to the speaker (0.800) of 2 whose word error rate is within 2 points of the lowest (5.0%)"
    )


def test_without_some_listeners() -> None:
    words = best_of({"a": {"wer": 0.05, "loss": 3.0}, "b": {"wer": 0.04, "loss": 4.0}})
    assert (words.name, words.why) == ("b", "the lowest word error rate (4.0%)")
    losses = best_of({"a": {"sim": 0.5, "loss": 3.0}, "b": {"sim": 0.9, "loss": 4.0}})
    assert losses.name == "a" and "word errors were not measured" in losses.why
    for nothing in ({}, {"a": {"sim": 0.5}}):
        with pytest.raises(OptionError, match="no model was evaluated"):
            best_of(nothing)


def models(catalog: RunCatalog) -> list[SavedModel]:
    return list(reversed(catalog.models("alice")))


def test_only_what_was_measured_alike_is_compared(catalog: RunCatalog, save_run: SaveRun) -> None:
    save_run("alice", epochs=3)
    assert verdict_on(models(catalog)) is None
    first, second, third = (model.path for model in models(catalog))
    keep(first, Judgement(figures={"wer": 0.0, "sim": 0.99}, n_texts=2, seed=0))
    keep(second, Judgement(figures={"wer": 0.1, "sim": 0.5}, n_texts=12, seed=0))
    keep(third, Judgement(figures={"wer": 0.1, "sim": 0.6}, n_texts=12, seed=0, others=("bob",)))
    found = verdict_on(models(catalog))
    assert found is not None and found.name == "checkpoint_epoch_3"
    keep(third, Judgement(figures={"wer": 0.1, "sim": 0.4}, n_texts=12, seed=0))
    found = verdict_on(models(catalog))
    assert found is not None and found.name == "checkpoint_epoch_2"
    again = kept(third)
    assert again is not None and again.others == () and again.figures == {"wer": 0.1, "sim": 0.4}


def test_without_listeners_to_words_and_without_held_out_clips_no_model_is_best(
    catalog: RunCatalog, save_run: SaveRun
) -> None:
    save_run("alice", epochs=2)
    unjudged = []
    for model in models(catalog):
        keep(model.path, Judgement(figures={"mos": 3.0}, n_texts=12, seed=0))
        assert model.facts is not None
        unjudged.append(replace(model, facts=replace(model.facts, held_out={})))
    assert verdict_on(unjudged) is None
    found = verdict_on(models(catalog))
    assert found is not None and "held-out loss" in found.why
