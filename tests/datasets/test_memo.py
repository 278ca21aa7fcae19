from pathlib import Path

import pytest

from locutor.datasets.manifest import Row
from locutor.datasets.memo import Memo, key_of


class Number(Row):
    value: int


def test_results_outlive_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "memo.jsonl"
    with pytest.raises(KeyboardInterrupt), Memo(path, Number) as memo:
        memo.put("a", [Number(value=1), Number(value=2)])
        memo.put("b", [])
        raise KeyboardInterrupt
    with open(path, "ab") as file:
        file.write(b'{"key": "c", "rows": [{"val')  # killed while it wrote
    with Memo(path, Number) as memo:
        assert memo.get("a") == [Number(value=1), Number(value=2)]
        assert memo.get("b") == [] and memo.get("c") is None
        memo.put("d", [Number(value=4)])
    with Memo(path, Number) as memo:
        assert memo.get("d") == [Number(value=4)]


def test_what_nobody_asks_for_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "memo.jsonl"
    with Memo(path, Number) as memo:
        memo.put("old", [Number(value=1)])
    with Memo(path, Number) as memo:
        memo.put("new", [Number(value=2)])
    assert [line.split('"')[3] for line in path.read_text().splitlines()] == ["new"]


def test_keys_tell_contents_apart() -> None:
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
    assert len({key_of("a", "b"), key_of("ab"), key_of(["a", "b"]), key_of("a", 1), key_of("a", 1.5)}) == 5
