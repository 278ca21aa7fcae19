"""The models of this installation: listed, pulled, checked, removed.

A model is a card and its files under `<data_dir>/models/<id>/`. Bundled cards describe the built-in model and public
ones; a fine-tune or an adapter is listed alike once its folder holds a card.yaml. What a training run saved can be used
at once as RUN/NAME, from `<data_dir>/training/RUN/checkpoints/NAME/`.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import TypeAlias

import yaml
from pydantic import ValidationError

from locutor.engines.card import CARD_NAME, CardFile, ModelCard, bundled_cards, index, own_cards, read_card
from locutor.engines.download import RemoteFile, disk_refused, download, sha256_of
from locutor.engines.hashes import HashBook
from locutor.errors import CheckpointError, ConflictError, NotFoundError, OptionError

FileProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with (path of the file, bytes so far, bytes in all or None)."""


@dataclass(frozen=True)
class Checkpoint:
    """A model that is here. files: role -> path, with those of the models it requires.

    sha256 names the exact weights: equal for equal bytes of all files.
    """

    card: ModelCard
    files: Mapping[str, Path]
    sha256: str


@dataclass(frozen=True)
class PulledFile:
    """first_use: nobody published its hash, so the one recorded now is what later copies must match."""

    model: str
    path: str
    sha256: str
    first_use: bool


class CheckpointStore:
    """The models under one data folder. offline forbids every download."""

    def __init__(self, data_dir: Path, hub_url: str = "https://huggingface.co", offline: bool = False) -> None:
        self._dir, self._training = data_dir / "models", data_dir / "training"
        self._hub_url = hub_url
        self._offline = offline
        self._hashes = HashBook(self._dir / "hashes.json")

    def cards(self) -> dict[str, ModelCard]:
        """Every model that is known here, installed or not."""
        return index([*bundled_cards().values(), *own_cards(self._dir).values()])

    def card(self, model: str) -> ModelCard:
        """NotFoundError lists the models with the most similar first."""
        if "/" in model:
            folder = self._saved(model)
            return read_card((folder / CARD_NAME).read_text(encoding="utf-8"), str(folder))
        cards = self.cards()
        if model not in cards:
            near = get_close_matches(model, cards, n=len(cards), cutoff=0.0)
            raise NotFoundError(f"no model is called {model!r}; models are {', '.join(near)}")
        return cards[model]

    def is_installed(self, model: str) -> bool:
        """True when every file is here, with those of the models it requires; hashes are not looked at."""
        if "/" in model:
            return True  # a run saves whole folders
        return all(self._path(card, file).is_file() for card, file in self._needed(model))

    def own_file(self, model: str, role: str) -> Path | None:
        """Where the file of that role belongs, None when the model has none of its own."""
        card = self.card(model)
        return next((self._path(card, file) for file in card.files if file.role == role), None)

    def locate(self, model: str) -> Checkpoint:
        """The files of an installed model, checked.

        Raises NotFoundError when it was not pulled, CheckpointError when a file is not the one it was.
        """
        if "/" in model:
            return self.open(self._saved(model))
        card = self.card(model)
        return self._checked(card, self._dir / card.id)

    def open(self, folder: Path) -> Checkpoint:
        """A model in a folder outside of this store, such as a checkpoint of a training run; raises as locate."""
        if not (folder / CARD_NAME).is_file():
            raise NotFoundError(f"{folder} holds no model: there is no {CARD_NAME} in it")
        return self._checked(read_card((folder / CARD_NAME).read_text(encoding="utf-8"), str(folder)), folder)

    def adopt(self, folder: Path, model: str) -> str:
        """Copy a model folder in under a new id, whole or not at all; where the disk can, files are shared, not copied.

        Raises OptionError for an id that cannot be, ConflictError when it is taken, StorageError.
        """
        card = read_card((folder / CARD_NAME).read_text(encoding="utf-8"), str(folder))
        try:
            own = ModelCard.model_validate(card.model_dump() | {"id": model})
        except ValidationError as error:
            raise OptionError(
                "a model's id is made of up to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit; "
                f"{model!r} is not"
            ) from error
        if model in self.cards():
            raise ConflictError(f"there is a model called {model!r} already")
        target = self._dir / model
        try:
            self._dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".adopting_", dir=self._dir) as building:
                copied = Path(building) / model
                shutil.copytree(folder, copied, copy_function=link_or_copy)
                (copied / CARD_NAME).unlink()  # a link would change the original
                text = yaml.safe_dump(own.model_dump(mode="json", exclude_defaults=True), sort_keys=False)
                (copied / CARD_NAME).write_text(text, encoding="utf-8")
                os.replace(copied, target)
        except OSError as error:
            raise disk_refused(target, error) from error
        return model

    def _saved(self, model: str) -> Path:
        """Folder of RUN/NAME. The names are compared with what is there, so none leads out of the training folder."""
        for card in self._training.glob(f"*/checkpoints/*/{CARD_NAME}"):
            if f"{card.parents[2].name}/{card.parent.name}" == model:
                return card.parent
        raise NotFoundError(f"there is no checkpoint {model!r}; see: locutor checkpoints list")

    def _checked(self, card: ModelCard, folder: Path) -> Checkpoint:
        """A role that a model and one that it requires both fill is the model's own."""
        own = {file.role: folder / file.path for file in card.files}
        for path in own.values():
            if not path.is_file():
                raise NotFoundError(f"model {card.id!r} lacks {path}; get it with: locutor models pull {card.id}")
        files: dict[str, Path] = {}
        digests = [_bundled_digest(card)] if card.bundled else []
        for required in map(self.locate, card.requires):
            files |= required.files
            digests.append(required.sha256)
        if card.base_sha256 is not None and digests[:1] != [card.base_sha256]:
            raise CheckpointError(
                f"model {card.id!r} is an adapter of other weights than those of {card.requires[:1]} that are here; "
                "train it again, or bring back the weights it was trained on"
            )
        digests += [self._hashes.verify(_key(card, file), own[file.role], file.sha256) for file in card.files]
        return Checkpoint(card, files | own, hashlib.sha256("\n".join(digests).encode()).hexdigest())

    def pull(
        self,
        model: str,
        *,
        licence_accepted: bool,
        source: Path | None = None,
        on_progress: FileProgress | None = None,
    ) -> list[PulledFile]:
        """Bring every file of a model here, from the hub or from a local folder; files that are here stay.

        Raises OptionError when the licence was not accepted, the model is bundled or `offline` is set; see
        `download` for what else can go wrong.
        """
        card = self.card(model)
        if card.bundled:
            raise OptionError(f"model {model!r} comes with the package; there is nothing to pull")
        if not licence_accepted:
            raise OptionError(f"model {model!r} is under {card.licence}; accept it with --accept-licence")
        if source is not None and not source.is_dir():
            raise NotFoundError(f"{source} is not a folder")
        report = on_progress or (lambda path, done, total: None)
        return [self._pull_file(owner, file, source, report) for owner, file in self._needed(model)]

    def remove(self, model: str) -> None:
        """Delete a model's own files; those of models it requires stay, others may need them."""
        card = self.card(model)
        if card.bundled:
            raise OptionError(f"model {model!r} comes with the package and cannot be removed")
        folder = self._dir / card.id
        if not folder.is_dir():
            raise NotFoundError(f"model {model!r} is not installed")
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise disk_refused(folder, error) from error

    def _needed(self, model: str) -> Iterator[tuple[ModelCard, CardFile]]:
        card = self.card(model)
        yield from ((card, file) for file in card.files)
        for required in card.requires:
            yield from self._needed(required)

    def _path(self, card: ModelCard, file: CardFile) -> Path:
        return self._dir / card.id / file.path

    def _pull_file(self, card: ModelCard, file: CardFile, source: Path | None, report: FileProgress) -> PulledFile:
        key, target = _key(card, file), self._path(card, file)
        known = self._hashes.known(key)
        expected = file.sha256 or known
        if target.is_file():
            digest = self._hashes.verify(key, target, file.sha256)
        elif source is not None:
            digest = _copy_in(source, card, file, target, expected)
        else:
            digest = self._fetch(card, file, target, expected, report)
        self._hashes.record(key, target, digest)
        return PulledFile(card.id, file.path, digest, first_use=expected is None)

    def _fetch(self, card: ModelCard, file: CardFile, target: Path, expected: str | None, report: FileProgress) -> str:
        if card.source is None:
            raise NotFoundError(f"model {card.id!r} is on no hub; its {file.path} belongs at {target}")
        if self._offline:
            raise OptionError(f"{file.path} would have to be downloaded, but offline is set; use --from FOLDER")
        remote = RemoteFile(card.url(self._hub_url, file), file.size, expected)
        return download(remote, target, lambda done, total: report(file.path, done, total))


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """The same file under another name where the disk can, else a copy: weights are large."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _key(card: ModelCard, file: CardFile) -> str:
    return f"{card.id}/{file.path}"


def _copy_in(source: Path, card: ModelCard, file: CardFile, target: Path, expected: str | None) -> str:
    """Copy a file out of a local folder that has the hub's layout or holds the files side by side."""
    name = Path(file.path).name
    places = [source / file.path, source / card.id / file.path, source / card.id / name, source / name]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise NotFoundError(f"{source} holds neither {file.path} nor {name}")
    digest = sha256_of(found)
    if expected is not None and digest != expected:
        raise CheckpointError(f"{found} has SHA-256 {digest}, not {expected} as published; it was not taken")
    beside = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise disk_refused(target, error) from error
    return digest


def _bundled_digest(card: ModelCard) -> str:
    """Hash of the weights in the package, which live beside the engine's code."""
    folder = Path(str(resources.files("locutor.engines"))) / card.engine
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        raise NotFoundError(f"model {card.id!r} lacks its weights: no .safetensors in {folder}; reinstall the package")
    return hashlib.sha256("".join(sha256_of(path) for path in weights).encode()).hexdigest()
