import pytest

from locutor.errors import OptionError
from locutor.training.config import TrainConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "fp8"}, "precision must be one of bf16, fp32, not 'fp8'"),
        ({"max_steps": 0}, "max_steps must be at least 1, not 0"),
        ({"keep_last": 0}, "keep_last must be at least 1, not 0"),
        ({"max_seconds": 0.0}, "max_seconds must be above 0, not 0; None is no limit"),
        ({"max_seconds": -3.5}, "max_seconds must be above 0, not -3.5"),
        ({"max_seconds": float("nan")}, "max_seconds must be above 0, not nan"),
    ],
)
def test_what_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TrainConfig(**({"max_steps": 10} | change))  # type: ignore[arg-type]
