import json
import logging
import time
from pathlib import Path

import pytest

from locutor.errors import StorageError
from locutor.training.log import RunLog


def test_lines_are_appended_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
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
