"""The recordings a run learns from: a dataset folder as `locutor dataset build` writes it.

NAME/wavs/*.wav  NAME/metadata_train.csv  NAME/metadata_val.csv, lines of `wavs/audio_00001.wav|text` without a header.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from locutor.errors import NotFoundError, OptionError

TRAIN, HELD_OUT = "metadata_train.csv", "metadata_val.csv"


@dataclass(frozen=True)
class Recording:
    """One clip and what is said in it."""

    path: Path
    text: str


@dataclass(frozen=True)
class Dataset:
    """Clips to learn from and clips that are only measured, in the order of their files. language: a tag."""

    name: str
    language: str
    train: tuple[Recording, ...]
    held_out: tuple[Recording, ...]

    def limited(self, max_train_samples: int | None) -> "Dataset":
        """At most so many clips to learn from, and a tenth as many held out (at least one)."""
        if max_train_samples is None:
            return self
        held_out = self.held_out[: max(1, max_train_samples // 10)]
        return replace(self, train=self.train[:max_train_samples], held_out=held_out)


def read_dataset(folder: Path, language: str) -> Dataset:
    """Raises NotFoundError without the folder, its list or a clip, OptionError for a line that is none."""
    if not (folder / TRAIN).is_file():
        raise NotFoundError(f"{folder} is no dataset: it has no {TRAIN}; make one with: locutor dataset make FOLDER")
    train = _read(folder, TRAIN)
    if not train:
        raise OptionError(f"{folder / TRAIN} lists no clips")
    held_out = _read(folder, HELD_OUT) if (folder / HELD_OUT).is_file() else ()
    return Dataset(folder.name, language, train, held_out)


def _read(folder: Path, name: str) -> tuple[Recording, ...]:
    lines = (folder / name).read_text(encoding="utf-8").split("\n")  # splitlines parts at U+2028 and the like too
    return tuple(_recording(folder, f"{name}, line {i}", line) for i, line in enumerate(lines, 1) if line.strip())


def _recording(folder: Path, where: str, line: str) -> Recording:
    name, bar, text = line.partition("|")
    path = folder / name.strip()
    if not bar or not text.strip():
        raise OptionError(f"{where} of dataset {folder.name} is not `wavs/name.wav|text`: {line[:60]!r}")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise OptionError(f"{where} of dataset {folder.name} names {name!r}, which is outside of it")
    if not path.is_file():
        raise NotFoundError(f"{where} of dataset {folder.name} names {name}, which is not there")
    return Recording(path, text.strip())
