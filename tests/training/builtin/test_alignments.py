"""Alignments that are kept between runs survive a file that was cut off in the middle of a line."""

from pathlib import Path

import pytest

from locutor.training.builtin.align import Alignment
from locutor.training.builtin.clips import _Alignments

FOUND = Alignment((2, 5), 0.25)


def never() -> Alignment:
    raise AssertionError("it was found before")


@pytest.mark.parametrize("torn", [b'["b", [1, 2', b'["b"', b"\xff", b'["b", [1, 2], 0.5], ["c"'])
def test_half_a_line_is_found_anew(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "cache" / "alignments.jsonl"
    assert _Alignments(path).get("a", lambda: FOUND) == FOUND
    with path.open("ab") as file:
        file.write(torn)
    again = _Alignments(path)
    assert again.get("a", never) == FOUND
    for key in ("b", "c"):
        again.get(key, lambda: FOUND)
    whole = _Alignments(path)
    assert [whole.get(key, never) for key in "abc"] == [FOUND] * 3
