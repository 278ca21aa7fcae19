"""What a run tells: JSON lines always, TensorBoard when the [train] extra is installed."""

import importlib.util
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from locutor.errors import StorageError

logger = logging.getLogger(__name__)


class RunLog:
    """Scalars of a run, in RUN/log.jsonl and RUN/tensorboard. Raises StorageError when the folder refuses them."""

    def __init__(self, run: Path) -> None:
        try:
            run.mkdir(parents=True, exist_ok=True)
            self._lines = (run / "log.jsonl").open("a", encoding="utf8")
        except OSError as error:
            raise StorageError(f"cannot write the log of run {run}: {error.strerror}") from error
        self._board = None
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(run / "tensorboard")

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        row = {"step": step, "time": round(time.time(), 1), **{k: round(v, 6) for k, v in scalars.items()}}
        self._lines.write(json.dumps(row) + "\n")
        self._lines.flush()
        logger.info("%s", row)
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        self._lines.close()
        if self._board is not None:
            self._board.close()
