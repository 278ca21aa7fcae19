import inspect
import re

import pytest

from locutor import errors
from locutor.errors import LocutorError, MissingExtraError, NotFoundError

LEAVES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, LocutorError) and kind is not LocutorError
}


def test_the_drawing_is_the_tree() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) \((\w+)\)", errors.__doc__ or ""))
    assert drawn == {name: kind.__bases__[1].__name__ for name, kind in LEAVES.items()}


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_is_also_the_builtin_that_callers_expect(name: str) -> None:
    kind = LEAVES[name]
    assert kind.__bases__[0] is LocutorError and kind.__bases__[1] in (ValueError, FileNotFoundError, RuntimeError)
    error = kind("tensorboard", "train") if kind is MissingExtraError else kind("a sentence")
    with pytest.raises(kind.__bases__[1]):
        raise error


def test_not_found_reads_as_it_was_written() -> None:
    assert str(NotFoundError("no file x.wav")) == "no file x.wav"
    assert str(NotFoundError(2, "No such file")) == "2 No such file"


def test_a_missing_extra_says_how_to_get_it() -> None:
    assert str(MissingExtraError("jiwer", "asr")) == (
        "jiwer is not installed; install it with: pip install 'locutor[asr]'"
    )
    assert str(MissingExtraError("x", "eval", "pip install --no-deps x")).endswith("with: pip install --no-deps x")
