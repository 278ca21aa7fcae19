"""A run's settings: defaults, limits, and the way to disk and back."""

from pathlib import Path

import pytest

from locutor.errors import ConflictError, NotFoundError, OptionError
from locutor.training.lock import is_locked, locked
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder, RunStatus


def test_to_disk_and_back(tmp_path: Path) -> None:
    config = RunConfig(model_name="alice", dataset=Path("/data/alice"), method="lora", targets=("to_q",), epochs=7)
    folder = RunFolder(tmp_path / "alice")
    with pytest.raises(NotFoundError, match="alice"):
        folder.config()
    folder.create(config)
    assert folder.config() == config
    assert folder.status().state == "idle"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_name": "../x"}, "model_name"), ({"epochs": 0}, "epochs"), ({"learning_rate": 1.0}, "learning_rate"),
        ({"method": "qlora"}, "method"), ({"speed": 1}, "unknown setting 'speed'; there are model_name"),
    ],
)  # fmt: skip
def test_settings_that_are_wrong_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        RunConfig.of({"model_name": "a", "dataset": "d"} | values)


def test_a_process_that_ended_without_a_word_has_stopped(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.tell(RunStatus(state="running", epoch=2, pid=1))
    found = folder.status()
    assert (found.state, found.epoch) == ("stopped", 2) and "unexpectedly" in found.message
    with locked(tmp_path / "lock"):
        assert folder.is_alive() and folder.status().state == "running"
        with pytest.raises(ConflictError, match="under way"), locked(tmp_path / "lock"):
            pass
    assert not is_locked(tmp_path / "lock")
    folder.tell(RunStatus(state="completed", pid=1))
    assert folder.status().state == "completed"


def test_what_a_resumed_run_logs_again_counts(tmp_path: Path) -> None:
    rows = [
        '{"step": 1, "a": 1}',
        '{"step": 2, "a": 1}',
        '{"step": 3, "a": 1}',
        '{"step": 2, "a": 5}',
        '{"step": 3, "a',
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(rows))
    assert RunFolder(tmp_path).log() == [{"step": 1, "a": 1}, {"step": 2, "a": 1}, {"step": 2, "a": 5}]
