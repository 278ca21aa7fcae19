import numpy as np
import pytest

from locutor.errors import OptionError
from locutor.evaluation.similarity import compare, unlike

VOICES = {name: np.eye(3, dtype=np.float32)[i] for i, name in enumerate(("ann", "bob", "eve"))}


def test_margin_and_identity() -> None:
    result = compare(np.array([0.8, 0.6, 0.0], np.float32), "ann", VOICES)
    assert (result.own, result.margin, result.identified) == (pytest.approx(0.8), pytest.approx(0.2), True)
    assert result.mean_margin == pytest.approx(0.8 - (0.6 + 0.0) / 2)
    other = compare(np.array([0.6, 0.8, 0.0], np.float32), "ann", VOICES)
    assert other.margin == pytest.approx(-0.2) and other.identified is False


def test_one_voice_alone_has_no_margin() -> None:
    alone = {"ann": VOICES["ann"]}
    result = compare(VOICES["ann"], "ann", alone)
    assert (result.own, result.margin, result.mean_margin, result.identified) == (1, None, None, None)
    assert unlike(alone).margin is None and unlike(alone).mean_margin is None
    assert unlike(VOICES).identified is False and unlike(VOICES).mean_margin == -1


def test_unknown_voice() -> None:
    with pytest.raises(OptionError, match="voice 'zoe', only of ann, bob, eve"):
        compare(VOICES["ann"], "zoe", VOICES)
