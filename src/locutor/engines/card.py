"""A model's card: what it is, who may use it for what, and the files it needs."""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from locutor.errors import CheckpointError

CARD_NAME = "card.yaml"


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError("must be a relative path without '..'")
    return path


class CardFile(BaseModel):
    """One file of a model. path is relative to the source on the hub and, the same, to the model's folder.

    sha256 is left out only where no public manifest states it; then the first pull records it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    path: Annotated[str, AfterValidator(_inside)]
    size: int | None = Field(default=None, gt=0)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class ModelCard(BaseModel):
    """languages are the tags the model was trained for; config names the engine's architecture file.

    source and revision say where on the hub the files are; requires lists other models it cannot speak without.
    base_sha256: of an adapter, the exact weights of the first of these, on which it was trained.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")
    engine: str
    title: str
    languages: tuple[str, ...]
    licence: str
    licence_url: str | None = None
    commercial_use: bool
    bundled: bool = False
    source: str | None = Field(default=None, pattern="^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")
    revision: str = "main"
    config: str | None = None
    requires: tuple[str, ...] = ()
    base_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    files: tuple[CardFile, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the files whose size is known."""
        return sum(file.size or 0 for file in self.files)

    def url(self, hub_url: str, file: CardFile) -> str:
        """Address of a file on a hub with the public one's layout."""
        return f"{hub_url.rstrip('/')}/{self.source}/resolve/{self.revision}/{file.path}"


def read_card(text: str, origin: str) -> ModelCard:
    """Parse a card; CheckpointError names the origin and the first thing that is wrong."""
    try:
        return ModelCard.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise CheckpointError(f"{origin} is not valid YAML: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or "card"
        raise CheckpointError(f"{origin}: {field}: {problem['msg']}") from error


@cache
def bundled_cards() -> Mapping[str, ModelCard]:
    """The cards that come with the package, by id."""
    folder = resources.files("locutor.engines") / "cards"
    return index(
        read_card(entry.read_text(encoding="utf-8"), entry.name)
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
    )


def own_cards(models_dir: Path) -> dict[str, ModelCard]:
    """Cards of models that were trained or put here by hand: one folder each, with a card.yaml."""
    return index(_own_card(path, path.stat().st_mtime_ns) for path in sorted(models_dir.glob(f"*/{CARD_NAME}")))


@lru_cache(maxsize=256)
def _own_card(path: Path, _changed_at: int) -> ModelCard:
    """Parsing takes milliseconds, and a service looks a model up for every request."""
    return read_card(path.read_text(encoding="utf-8"), str(path))


def index(cards: Iterable[ModelCard]) -> dict[str, ModelCard]:
    """By id; CheckpointError when two cards share one."""
    found: dict[str, ModelCard] = {}
    for card in cards:
        if card.id in found:
            raise CheckpointError(f"two model cards are called {card.id!r}")
        found[card.id] = card
    return found
