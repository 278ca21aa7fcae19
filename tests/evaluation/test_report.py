import json

import numpy as np
import pytest
from rich.console import Console

from locutor.evaluation.intelligibility import Intelligibility
from locutor.evaluation.report import Item, Report, Result, bootstrap
from locutor.evaluation.similarity import Similarity
from locutor.evaluation.speed import Timing


def result(errors: int, words: int, own: float) -> Result:
    return Result(
        Item(f"en-{errors}", "text", "en"),
        Intelligibility("heard", errors, words, errors, words * 5),
        Similarity(own, own - 0.5, own - 0.4, own > 0.5),
        3.5,
        Timing(wall_s=1.0, audio_s=words / 2),
    )


def test_rates_are_pooled() -> None:
    summary = Report((result(1, 2, 0.4), result(0, 8, 0.8))).summary()
    assert summary["wer"].value == 0.1 and summary["cer"].value == 0.02
    assert summary["mean_margin"].value == pytest.approx(0.2)
    assert summary["sim"].value == pytest.approx(0.6) and summary["identified"].value == 0.5
    assert summary["rtf"].value == pytest.approx(2 / 5)
    assert summary["failures"].value == 0 and summary["mos"].n == 2


def test_what_was_not_measured_is_left_out() -> None:
    bare = Result(Item("a", "text", "en"), Intelligibility("", 1, 1, 4, 4), error="broken")
    summary = Report((bare,)).summary()
    assert set(summary) == {"wer", "cer", "loops", "failures"} and summary["failures"].value == 1


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    intervals = [bootstrap(list(rng.normal(3, 1, 50))) for _ in range(200)]
    assert 0.88 <= np.mean([i.low <= 3 <= i.high for i in intervals]) <= 0.99
    assert bootstrap([1.0, 2.0, 4.0]) == bootstrap([1.0, 2.0, 4.0])
    one = bootstrap([2.0])
    assert (one.low, one.value, one.high, one.n) == (2, 2, 2, 1)


def test_json_and_table() -> None:
    report = Report((result(1, 2, 0.4), result(0, 8, 0.8)))
    data = json.loads(report.to_json())
    assert data["summary"]["wer"]["value"] == 0.1
    assert data["results"][0]["intelligibility"]["wer"] == 0.5
    assert data["results"][0]["item"]["name"] == "en-1" and data["results"][1]["timing"]["rtf"] == 0.25
    console = Console(width=120)
    with console.capture() as capture:
        console.print(report.table())
    assert "word error rate" in capture.get() and "10.0%" in capture.get()
