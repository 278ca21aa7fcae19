from pathlib import Path

import pytest

from locutor.datasets.manifest import Clip, Problem, Source, read_rows, write_rows
from locutor.errors import NotFoundError, OptionError


def test_rows_come_back(tmp_path: Path) -> None:
    problem = Problem(check="noise", severity=0.123456, sentence="too loud: ç|\n")
    rows = [Clip(id="a", source="s", start_s=0.1234567, end_s=2), Clip(id="b", source="s", start_s=2, end_s=3.5,
            problems=(problem,))]  # fmt: skip
    write_rows(tmp_path / "rows.jsonl", rows)
    back = read_rows(tmp_path / "rows.jsonl", Clip)
    assert [row.id for row in back] == ["a", "b"]
    assert back[0].start_s == 0.123 and back[0].is_kept and not back[1].is_kept
    assert back[1].problems[0].sentence == problem.sentence
    write_rows(tmp_path / "again.jsonl", back)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "rows.jsonl").read_bytes()


@pytest.mark.parametrize("mark", "\x0b \x0c \x1c \x1d \x1e \x85 \u2028 \u2029 \r \n \r\n".split(" "))
def test_a_row_is_one_line_whatever_its_text(tmp_path: Path, mark: str) -> None:
    rows = [Source(id="a", name="a.wav", text=f"one{mark}two"), Source(id="b", name="b.wav")]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert read_rows(tmp_path / "rows.jsonl", Source) == rows


@pytest.mark.parametrize(
    ("content", "ids"), [(b"", []), (b'{"id": "a", "name": ""}\r\n{"id": "b", "name": ""}', ["a", "b"])]
)
def test_ends_of_lines_and_of_the_file(tmp_path: Path, content: bytes, ids: list[str]) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    assert [row.id for row in read_rows(tmp_path / "rows.jsonl", Source)] == ids


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "name": "a.wav"}\n{"id": "a", "name": "a.wav", "colour": "red"}\n')
    with pytest.raises(OptionError, match=r"rows.jsonl, line 2: colour"):
        read_rows(path, Source)
    with pytest.raises(NotFoundError, match="has not run"):
        read_rows(tmp_path / "none.jsonl", Source)
