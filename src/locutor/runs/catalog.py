"""What training has left: runs by name, saved models and samples by id. Ids are looked up in listings, never opened as
paths, so nothing outside of the training folder can be named."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from locutor.engines.card import CARD_NAME
from locutor.engines.checkpoints import Checkpoint, CheckpointStore
from locutor.engines.download import sha256_of
from locutor.errors import ConflictError, NotFoundError, OptionError
from locutor.training import saved
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder
from locutor.training.saved import BEST, LAST, Facts

LOOSE_SUFFIXES = (".safetensors", ".pt")
_EPOCH = re.compile(r"epoch_(\d+)_output\.wav")
_EPOCH_IN_NAME = re.compile(r"epoch_(\d+)")


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A checkpoint of a run. id: RUN/NAME. facts: None for a weights file that somebody put there. links: model_best
    or model_last, where they stand for it. created_at: Unix time."""

    id: str
    run: str
    name: str
    path: Path
    epoch: int | None
    n_bytes: int
    created_at: float
    facts: Facts | None
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a model of an epoch said. filename: within the run's samples."""

    run: str
    epoch: int
    filename: str
    path: Path

    @property
    def reference(self) -> Path:
        """The recording that says the same."""
        return self.path.with_name(f"epoch_{self.epoch}_reference.wav")


class RunCatalog:
    """The runs under one folder."""

    def __init__(self, root: Path, checkpoints: CheckpointStore) -> None:
        self.root, self._checkpoints = root, checkpoints

    def create(self, config: RunConfig) -> RunFolder:
        """A folder for a new run; ConflictError when the name is taken."""
        folder = RunFolder(self.root / config.model_name)
        if folder.exists():
            raise ConflictError(
                f"there is a run called {config.model_name!r} already; resume it, or give the new one another name"
            )
        folder.create(config)
        return folder

    def list(self) -> list[RunFolder]:
        """All runs, by name."""
        return [RunFolder(path.parent) for path in sorted(self.root.glob("*/run.json"))]

    def get(self, run: str) -> RunFolder:
        """NotFoundError names the nearest ones."""
        names = {folder.path.name: folder for folder in self.list()}
        if run not in names:
            near = ", ".join(get_close_matches(run, names, n=3) or sorted(names)[:10]) or "none at all"
            raise NotFoundError(f"there is no training run called {run!r}; near it: {near}")
        return names[run]

    def models(self, run: str | None = None) -> Sequence[SavedModel]:
        """Saved models of a run or of all, the newest first."""
        folders = self.list() if run is None else [self.get(run)]
        found = [model for folder in folders for model in _models_of(folder)]
        return sorted(found, key=lambda model: (model.created_at, model.epoch or 0), reverse=True)

    def model(self, model_id: str) -> SavedModel:
        """By id; RUN/model_best and RUN/model_last name what they stand for. Raises NotFoundError."""
        run, _, name = model_id.partition("/")
        for model in self.models(run):
            if name == model.name or name in model.links:
                return model
        names = ", ".join(model.id for model in self.models(run)[:8]) or "none yet"
        raise NotFoundError(f"there is no checkpoint {model_id!r}; there are {names}")

    def open(self, model_id: str) -> Checkpoint:
        """A saved model ready to be loaded, or the base "base" stands for, as `RUN/base`. Raises as locate."""
        run, _, name = model_id.partition("/")
        base = self.get(run).config().base
        if name == "base":
            return self._checkpoints.locate(base)
        model = self.model(model_id)
        return self._checkpoints.open(model.path) if model.facts else self._loose(model, base)

    def samples(self, run: str) -> Sequence[Sample]:
        """The newest epoch first."""
        matches = [(path, _EPOCH.fullmatch(path.name)) for path in self.get(run).samples.glob("epoch_*_output.wav")]
        found = [
            Sample(run=run, epoch=int(match[1]), filename=path.name, path=path) for path, match in matches if match
        ]
        return sorted(found, key=lambda sample: sample.epoch, reverse=True)

    def promote(self, model_id: str, new_id: str) -> str:
        """Make a saved model one of the installation, usable at once under `new_id`; returns that id.

        Raises OptionError for an id that cannot be, ConflictError when it is taken.
        """
        model = self.model(model_id)
        if model.facts is None:
            raise OptionError(f"{model_id} is a bare weights file without a card; only saved models can be promoted")
        return self._checkpoints.adopt(model.path, new_id)

    def prune(self, run: str, keep_last: int) -> Sequence[str]:
        """Remove old models but for the best and the newest `keep_last`; returns the names of those removed."""
        return saved.prune(self.get(run).checkpoints, keep_last)

    def remove(self, run: str) -> None:
        """Delete a run with all it saved; ConflictError while it is under way."""
        folder = self.get(run)
        if folder.is_alive():
            raise ConflictError(f"run {run!r} is under way; stop it first")
        shutil.rmtree(folder.path)

    def _loose(self, model: SavedModel, base: str) -> Checkpoint:
        """A weights file that was put beside the saved models, in the place of the base's."""
        found = self._checkpoints.locate(base)
        digest = sha256_of(model.path)
        return Checkpoint(found.card, {**found.files, "model": model.path}, f"{digest[:32]}{found.sha256[:32]}")


def _models_of(folder: RunFolder) -> Iterator[SavedModel]:
    run, root = folder.path.name, folder.checkpoints
    stand_for = {link: (root / link).resolve().name for link in (BEST, LAST) if (root / link).is_symlink()}
    for facts in saved.models_of(root):
        if (root / facts.name / CARD_NAME).is_file():
            yield SavedModel(
                id=f"{run}/{facts.name}",
                run=run,
                name=facts.name,
                path=root / facts.name,
                epoch=facts.epoch,
                n_bytes=facts.n_bytes,
                created_at=facts.created_at,
                facts=facts,
                links=tuple(link for link, name in stand_for.items() if name == facts.name),
            )
    for path in sorted(root.glob("*")) if root.is_dir() else ():
        if path.is_file() and path.suffix in LOOSE_SUFFIXES and not path.name.startswith("."):
            epoch = _EPOCH_IN_NAME.search(path.stem)
            stat = path.stat()
            yield SavedModel(
                id=f"{run}/{path.name}", run=run, name=path.name, path=path, epoch=int(epoch[1]) if epoch else None,
                n_bytes=stat.st_size, created_at=stat.st_mtime, facts=None,
            )  # fmt: skip
