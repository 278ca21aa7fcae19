"""Voices that models bring along: named in a file of the model's, without a recording. XTTS-v2 has 58."""

import logging
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from locutor.engines.checkpoints import CheckpointStore
from locutor.errors import CheckpointError
from locutor.voices.store import SPEAKER, Voice

log = logging.getLogger(__name__)

ROLE = "speakers"


class ModelSpeakers:
    """Looks them up in the installed models; a speaker's id is MODEL:NAME."""

    def __init__(self, checkpoints: CheckpointStore) -> None:
        self._checkpoints = checkpoints

    def list(self) -> list[Voice]:
        """By model, in the order of its file. A file that cannot be read is logged, and its voices are left out."""
        return [voice for model in self._checkpoints.cards() for voice in self._of(model)]

    def _of(self, model: str) -> Iterator[Voice]:
        path = self._checkpoints.own_file(model, ROLE)
        if path is None or not self._checkpoints.is_installed(model):
            return
        licence = self._checkpoints.card(model).licence
        try:
            names = _names(path, path.stat().st_mtime_ns)
        except CheckpointError as error:
            log.warning("the speakers of model %s are left out: %s", model, error)
            return
        for name in names:
            yield Voice(id=f"{model}:{name}", kind=SPEAKER, ref_audio=None, name=name, licence=licence, model=model)


@lru_cache(maxsize=64)
def _names(path: Path, _changed_at: int) -> tuple[str, ...]:
    from locutor.engines.xtts.speakers import read_speakers  # brings torch along

    return tuple(read_speakers(path))
