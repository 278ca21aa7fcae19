"""Reading a built dataset's lists, and refusing what is none."""

from pathlib import Path

import pytest

from locutor.errors import NotFoundError, OptionError
from locutor.training.dataset import read_dataset


def make(folder: Path, train: str, val: str = "") -> Path:
    (folder / "wavs").mkdir(exist_ok=True)
    for k in range(30):
        (folder / "wavs" / f"{k}.wav").touch()
    (folder / "metadata_train.csv").write_text(train, encoding="utf-8")
    if val:
        (folder / "metadata_val.csv").write_text(val, encoding="utf-8")
    return folder


def test_lists_are_read_in_order_and_can_be_limited(tmp_path: Path) -> None:
    rows = "".join(f"wavs/{k}.wav|sentence {k} | so\n" for k in range(25))
    found = read_dataset(make(tmp_path, rows, "wavs/25.wav|a\nwavs/26.wav|b\nwavs/27.wav|c\n"), "en")
    assert len(found.train) == 25 and found.train[3].path == tmp_path / "wavs/3.wav"
    assert found.train[3].text == "sentence 3 | so"
    few = found.limited(20)
    assert (len(few.train), len(few.held_out)) == (20, 2)
    assert (len(found.limited(3).train), len(found.limited(3).held_out)) == (3, 1)
    assert found.limited(None) is found


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("wavs/1.wav", OptionError, "line 1 of dataset .* is not"),
        ("wavs/1.wav| ", OptionError, "is not"),
        ("../../etc/passwd|hello", OptionError, "outside"),
        ("/etc/passwd|hello", OptionError, "outside"),
        ("wavs/none.wav|hello", NotFoundError, "not there"),
    ],
)
def test_lines_that_are_none(tmp_path: Path, line: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_dataset(make(tmp_path, line + "\n"), "en")


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no metadata_train.csv"):
        read_dataset(tmp_path, "en")
    with pytest.raises(OptionError, match="lists no clips"):
        read_dataset(make(tmp_path, "\n"), "en")


def test_a_line_ends_at_its_end_only(tmp_path: Path) -> None:
    found = read_dataset(make(tmp_path, "wavs/1.wav|one\u2028two\x85three\r\nwavs/2.wav|four\n"), "en")
    assert [one.text for one in found.train] == ["one\u2028two\x85three", "four"]
