import contextlib
import json
import logging
import time
from pathlib import Path

import pytest

from locutor.errors import CancelledError, EngineError, StorageError
from locutor.training.log import Ending, RunLog


def test_lines_are_appended_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="locutor"):
        for step in (5, 10):
            log = RunLog(tmp_path / "run")
            log.write(step, {"train/loss": 1 / 3})
            log.close()
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(row["step"], row["train/loss"]) for row in rows] == [(5, 0.333333333), (10, 0.333333333)]
    assert abs(rows[0]["time"] - time.time()) < 60
    assert sum("'train/loss': 0.333333" in record.getMessage() for record in caplog.records) == 2


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write the log of run .*file.run: Not a directory"):
        RunLog(tmp_path / "file" / "run")


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    log = RunLog(tmp_path)
    log.write(5, {"train/loss": 0.25})
    log.close()
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"train/loss" in events.read_bytes()


class Noted:
    """A board that notes how the run ended."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []

    def write(self, step: int, scalars: object) -> None: ...

    def close(self, ending: Ending) -> None:
        self.endings.append(ending)


@pytest.mark.parametrize(
    ("error", "ending"), [(None, "finished"), (CancelledError("asked to"), "stopped"), (EngineError("nan"), "failed")]
)
def test_boards_are_told_how_the_run_ended(tmp_path: Path, error: Exception | None, ending: Ending) -> None:
    noted = Noted()
    with contextlib.suppress(CancelledError, EngineError), RunLog(tmp_path, boards=[noted]):
        if error is not None:
            raise error
    assert noted.endings == [ending]


def test_a_run_that_stops_says_so(tmp_path: Path) -> None:
    noted = Noted()
    with RunLog(tmp_path, boards=[noted]) as log:
        log.ending = "stopped"
    assert noted.endings == ["stopped"]
