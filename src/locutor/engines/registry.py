"""Engines by name, each behind a loader that imports it only when it is asked for.

A third party adds an engine through the entry-point group `locutor.engines`: the entry's name is the engine's, its
object a function of (Checkpoint, device name) that returns an Engine.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeAlias

from locutor.engines.base import Engine
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import CheckpointError, NotFoundError, OptionError

if TYPE_CHECKING:
    from locutor.engines.vocoder import VocoderCache

EngineLoader: TypeAlias = Callable[[Checkpoint, str], Engine]

ENTRY_POINT_GROUP = "locutor.engines"


class EngineRegistry:
    """Name -> loader."""

    def __init__(self) -> None:
        self._loaders: dict[str, EngineLoader] = {}

    def add(self, name: str, loader: EngineLoader) -> None:
        """Raises OptionError when the name is taken."""
        if name in self._loaders:
            raise OptionError(f"two engines are called {name!r}")
        self._loaders[name] = loader

    def names(self) -> list[str]:
        return sorted(self._loaders)

    def load(self, checkpoint: Checkpoint, device: str) -> Engine:
        """The engine that the checkpoint's card names, on torch's device; NotFoundError lists the choices."""
        name = checkpoint.card.engine
        if name not in self._loaders:
            raise NotFoundError(
                f"model {checkpoint.card.id!r} needs engine {name!r}; engines are {', '.join(self.names())}"
            )
        return self._loaders[name](checkpoint, device)


def default_registry() -> EngineRegistry:
    """Locutor's own engines and those that installed packages offer."""
    from locutor.engines.vocoder import VocoderCache

    registry = EngineRegistry()
    registry.add("builtin", _load_builtin)
    registry.add("f5", partial(_load_f5, VocoderCache()))
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        registry.add(entry.name, partial(_load_from, entry))
    return registry


def _load_from(entry: EntryPoint, checkpoint: Checkpoint, device: str) -> Engine:
    engine: Engine = entry.load()(checkpoint, device)
    return engine


def _load_builtin(checkpoint: Checkpoint, device: str) -> Engine:
    from locutor.engines.builtin.engine import BuiltinEngine

    return BuiltinEngine.load(device)


def _load_f5(vocoders: "VocoderCache", checkpoint: Checkpoint, device: str) -> Engine:
    from locutor.engines.f5.engine import UNKNOWN_ORIGIN, F5Engine

    card, files = checkpoint.card, checkpoint.files
    absent = [role for role in ("model", "vocab", "vocoder") if role not in files]
    if absent:
        raise CheckpointError(f"the card of model {card.id!r} names no file for {', '.join(absent)}")
    info = replace(UNKNOWN_ORIGIN, languages=card.languages, licence=card.licence, commercial_use=card.commercial_use)
    vocoder = vocoders.get(files["vocoder"], device)
    return F5Engine.load(files["model"], files["vocab"], vocoder, device=device, config=card.config, info=info)
