"""A run goes on only with what it began with, and says what changed."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from locutor.errors import OptionError
from locutor.training.dataset import Dataset, read_dataset
from locutor.training.origin import check_origin, keep_origin


@dataclass(frozen=True)
class Base:
    """What is asked of a checkpoint here."""

    sha256: str = "a"


def dataset(folder: Path, texts: str = "one two", size: int = 9) -> Dataset:
    folder.mkdir(exist_ok=True)
    for name in ("metadata_train.csv", "metadata_val.csv"):
        lines = []
        for i, text in enumerate(texts.split()):
            (folder / f"{i}.wav").write_bytes(b"." * size)
            lines.append(f"{i}.wav|{text}\n")
        (folder / name).write_text("".join(lines))
    return read_dataset(folder, "en")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "alice"
    folder.mkdir()
    keep_origin(folder, Base(), dataset(tmp_path / "clips"))  # type: ignore[arg-type]
    return folder


def refused(run: Path, base: Base, clips: Dataset) -> str:
    with pytest.raises(OptionError) as caught:
        check_origin(run, base, clips)  # type: ignore[arg-type]
    return re.sub(" changed since it began; bring back what it .*", "", str(caught.value))


def test_the_same_goes_on_wherever_it_lies(run: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "clips", tmp_path / "elsewhere")
    check_origin(run, Base(), read_dataset(tmp_path / "elsewhere", "en"))  # type: ignore[arg-type]


def test_what_changed_is_said(run: Path, tmp_path: Path) -> None:
    same = dataset(tmp_path / "clips")
    assert refused(run, Base("b"), same) == "the base of run 'alice'"
    assert refused(run, Base(), dataset(tmp_path / "clips", "one two three")) == "the clips of run 'alice'"
    assert refused(run, Base(), dataset(tmp_path / "clips", size=10)) == "the clips of run 'alice'"
    assert refused(run, Base("b"), dataset(tmp_path / "clips", "one too")) == "the base and the clips of run 'alice'"


def test_a_run_from_before_goes_on(run: Path, tmp_path: Path) -> None:
    (run / "origin.json").unlink()
    check_origin(run, Base("b"), dataset(tmp_path / "clips"))  # type: ignore[arg-type]
    assert refused(run, Base("c"), dataset(tmp_path / "clips")) == "the base of run 'alice'"
