"""A dataset on the disk, and where its parts lie.

NAME/
  dataset.json               language, and the version built last
  raw/ID.flac                recordings as imported: mono, 16 bit, at their own sample rate
  work/*.jsonl               the manifest after each step, and what the steps remember
  edits.jsonl                decisions made by hand
  report.json                what was left out and why
  manifest.jsonl             the clips of the dataset, each with all that is known of it
  wavs/ID.wav                the clips
  metadata.csv               wavs/ID.wav|text; metadata_train.csv and metadata_val.csv hold a part of it each
  duration.json              {"duration": [seconds, ...]} in the order of metadata.csv
  versions/VERSION.json      what each build held
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locutor.audio.files import replacing
from locutor.datasets.manifest import Clip, Source, read_rows, write_rows
from locutor.errors import NotFoundError, OptionError, StorageError
from locutor.text.languages import parse_language

CARD = "dataset.json"
STEPS = ("import", "segment", "transcribe", "filter", "validate")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Dataset:
    """An existing dataset. language: a tag of locutor.text.languages. version: of the last build, "" before one."""

    folder: Path
    language: str
    version: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def wavs(self) -> Path:
        return self.folder / "wavs"

    @property
    def metadata(self) -> Path:
        return self.folder / "metadata.csv"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.jsonl"

    @property
    def edits(self) -> Path:
        return self.folder / "edits.jsonl"

    def work(self, name: str) -> Path:
        """A file that a step keeps for itself."""
        return self.folder / "work" / name

    def rows_of(self, step: str) -> Path:
        """The manifest that a step wrote."""
        return self.work(f"{STEPS.index(step) + 1}_{step}.jsonl")

    def sources(self) -> list[Source]:
        """What was imported; NotFoundError before that."""
        return read_rows(self.rows_of("import"), Source)

    def clips(self, step: str) -> list[Clip]:
        """The clips as a step left them; NotFoundError when it has not run."""
        return read_rows(self.rows_of(step), Clip)

    def write_clips(self, step: str, clips: list[Clip]) -> None:
        write_rows(self.rows_of(step), clips)

    def newest_clips(self) -> list[Clip]:
        """The clips as the last step left them that has run; empty before segmenting."""
        done = [step for step in STEPS[1:] if self.rows_of(step).is_file()]
        return self.clips(done[-1]) if done else []


def open_dataset(folder: Path) -> Dataset:
    """The dataset in a folder; NotFoundError when there is none, OptionError when its card is damaged."""
    path = folder / CARD
    if not path.is_file():
        raise NotFoundError(f"{folder} is no dataset: it has no {CARD}")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return Dataset(folder, parse_language(card["language"]), card["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{path} is no card of a dataset: {error}") from error


def write_card(dataset: Dataset) -> None:
    """Store what is known of the dataset as a whole."""
    write_json(dataset.folder / CARD, {"language": dataset.language, "version": dataset.version})


def write_json(path: Path, value: Any) -> None:
    """All of the file or nothing."""
    with replacing(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n")


class DatasetStore:
    """Datasets by name, each a folder under one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def list(self) -> list[Dataset]:
        """All datasets, by name."""
        return [open_dataset(path.parent) for path in sorted(self.root.glob(f"*/{CARD}"))]

    def get(self, name: str) -> Dataset:
        """Raises OptionError for what cannot be a name, NotFoundError when there is no such dataset."""
        folder = self._folder(name)
        if not (folder / CARD).is_file():
            names = ", ".join(dataset.name for dataset in self.list()) or "none at all"
            raise NotFoundError(f"no dataset is called {name!r}; there are: {names}")
        return open_dataset(folder)

    def create(self, name: str, language: str) -> Dataset:
        """A new dataset, or the one of that name; OptionError when that one is in another language."""
        folder, tag = self._folder(name), parse_language(language)
        if (folder / CARD).is_file():
            found = open_dataset(folder)
            if found.language != tag:
                raise OptionError(f"dataset {name!r} is in {found.language}, not in {tag}")
            return found
        try:
            for part in ("raw", "work", "wavs", "versions"):
                (folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the dataset folder {folder}: {error.strerror or error}") from error
        dataset = Dataset(folder, tag)
        write_card(dataset)
        return dataset

    def remove(self, name: str) -> None:
        """Delete a dataset with all its files."""
        shutil.rmtree(self.get(name).folder)

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise OptionError(f"a dataset is named by up to 64 letters, digits, _ and -, not {name!r}")
        return self.root / name
