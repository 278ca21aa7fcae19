"""What a run tells: JSON lines always, TensorBoard when the [train] extra is installed, and whoever else is to know."""

import importlib.util
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias

import torch

from locutor.audio.mel import SAMPLE_RATE, mel_spectrogram
from locutor.audio.resample import resample
from locutor.errors import CancelledError, StorageError
from locutor.types import Waveform

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)


Ending: TypeAlias = Literal["finished", "stopped", "failed"]


class Board(Protocol):
    """Where figures are shown besides, such as training/mlflow.py."""

    def write(self, step: int, scalars: Mapping[str, float]) -> None: ...

    def close(self, ending: Ending) -> None: ...


class RunLog:
    """What a run measures, in RUN/log.jsonl and RUN/tensorboard. Raises StorageError when the folder refuses it.

    from_step: where a resumed run goes on; what TensorBoard was shown beyond it is taken back. boards: told the same.
    They are told of the end too: of a log that cannot be opened as of a run that failed.
    A context: what leaves its block with an error has failed; a run that is stopped sets `ending` before.
    """

    def __init__(self, run: Path, from_step: int = 0, boards: Sequence[Board] = ()) -> None:
        self._boards = boards
        self.ending: Ending = "finished"
        with ExitStack() as undo:
            for board in boards:
                undo.callback(board.close, "failed")
            try:
                run.mkdir(parents=True, exist_ok=True)
                self._lines = undo.enter_context((run / "log.jsonl").open("a", encoding="utf8"))
                self._board = _tensorboard(run, from_step)
            except OSError as error:
                raise StorageError(f"cannot write the log of run {run}: {error.strerror}") from error
            undo.pop_all()

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        row = {"step": step, "time": round(time.time(), 1), **{k: float(f"{v:.9g}") for k, v in scalars.items()}}
        self._lines.write(json.dumps(row) + "\n")
        self._lines.flush()
        logger.info("%s", row)
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)
        for board in self._boards:
            board.write(step, scalars)

    def audio(self, step: int, name: str, waveform: Waveform) -> None:
        """A sound and its spectrogram, for TensorBoard."""
        if self._board is None:
            return
        mel = mel_spectrogram(torch.from_numpy(resample(waveform, SAMPLE_RATE).samples)[None])[0]  # (c, f)
        image = ((mel - mel.min()) / (mel.max() - mel.min()).clamp(min=1e-6)).flip(0)
        self._board.add_audio(name, torch.from_numpy(waveform.samples), step, sample_rate=waveform.sample_rate)
        self._board.add_image(f"{name}_mel", image[None], step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self.ending = "stopped" if issubclass(kind, CancelledError) else "failed"
        self.close()

    def close(self) -> None:
        for board in self._boards:  # first, for a full disk does not let the files be closed
            board.close(self.ending)
        if self._board is not None:
            self._board.close()
        self._lines.close()


def _tensorboard(run: Path, from_step: int) -> "SummaryWriter | None":
    if not importlib.util.find_spec("tensorboard"):
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run / "tensorboard", purge_step=from_step + 1 if from_step else None)
