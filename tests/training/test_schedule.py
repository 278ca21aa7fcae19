import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.training.config import TrainConfig
from locutor.training.schedule import learning_rate

CONFIG = TrainConfig(max_steps=1000, learning_rate=2e-3, final_lr_ratio=0.1, warmup_steps=100)


def test_warm_up_is_linear() -> None:
    assert learning_rate(CONFIG, 0, 0.0) == pytest.approx(2e-3 / 100)
    assert learning_rate(CONFIG, 49, 0.0) == pytest.approx(1e-3)
    assert learning_rate(CONFIG, 99, 0.0) == learning_rate(CONFIG, 500, 0.0) == pytest.approx(2e-3)


def test_cosine_from_the_top_to_the_final_ratio() -> None:
    assert learning_rate(CONFIG, 500, 0.5) == pytest.approx(2e-3 * 0.55)
    assert learning_rate(CONFIG, 500, 1 / 3) == pytest.approx(2e-3 * (0.1 + 0.9 * (0.5 + 0.5 * math.cos(math.pi / 3))))
    assert learning_rate(CONFIG, 999, 1.0) == learning_rate(CONFIG, 5000, 7.0) == pytest.approx(2e-4)


def test_without_warm_up() -> None:
    assert learning_rate(TrainConfig(max_steps=9, warmup_steps=0, learning_rate=1.0), 0, 0.0) == 1.0


@given(step=st.integers(100, 1000), a=st.floats(0, 1), b=st.floats(0, 1))
def test_it_never_rises_after_the_warm_up(step: int, a: float, b: float) -> None:
    early, late = sorted((a, b))
    assert learning_rate(CONFIG, step, late) <= learning_rate(CONFIG, step, early)
