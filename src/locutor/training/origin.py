"""What a run began with, kept in its folder: it goes on exactly only from the same base and over the same clips."""

import hashlib
import json
from pathlib import Path

from locutor.audio.files import replacing
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import OptionError
from locutor.training.dataset import Dataset

NAME = "origin.json"


def keep_origin(run: Path, base: Checkpoint, dataset: Dataset) -> None:
    """Write down what the run in `run` begins with. Raises StorageError."""
    with replacing(run / NAME) as file:
        file.write(json.dumps(_origin(base, dataset), indent=1).encode())


def check_origin(run: Path, base: Checkpoint, dataset: Dataset) -> None:
    """Raises OptionError when the base or the clips are not those that the run began with. One that never wrote them
    down, as runs once did not, goes on, and they are written down now."""
    path = run / NAME
    if not path.is_file():
        keep_origin(run, base, dataset)
        return
    began, now = json.loads(path.read_text(encoding="utf-8")), _origin(base, dataset)
    base_changed, clips_changed = (began.get(part) != now[part] for part in ("base_sha256", "clips_sha256"))
    if base_changed or clips_changed:
        both = base_changed and clips_changed
        raise OptionError(
            f"{'the base and the clips' if both else 'the base' if base_changed else 'the clips'} of run {run.name!r} "
            "changed since it began; bring back what it began with, or start another run"
        )


def _origin(base: Checkpoint, dataset: Dataset) -> dict[str, str]:
    return {"base_sha256": base.sha256, "clips_sha256": clips_sha256(dataset)}


def clips_sha256(dataset: Dataset) -> str:
    """Of the lists, and of how large the recordings are: to read them all would take too long. Where they lie does not
    matter, for a data folder may be moved."""
    lists = [
        [[recording.path.name, recording.path.stat().st_size, recording.text] for recording in recordings]
        for recordings in (dataset.train, dataset.held_out)
    ]
    return hashlib.sha256(json.dumps(lists).encode()).hexdigest()
