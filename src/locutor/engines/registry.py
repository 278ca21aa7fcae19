"""Engines by name, each behind a loader that imports it only when it is asked for.

A third party adds an engine through the entry-point group `locutor.engines`: the entry's name is the engine's, its
object a function of (Checkpoint, device name) that returns an Engine.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from locutor.engines.base import Engine
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import CheckpointError, NotFoundError, OptionError

if TYPE_CHECKING:
    from locutor.engines.builtin.engine import BuiltinEngine
    from locutor.engines.f5.engine import F5Engine
    from locutor.engines.lora import Adapter
    from locutor.engines.vocoder import VocoderCache

EngineLoader: TypeAlias = Callable[[Checkpoint, str], Engine]

_E = TypeVar("_E", bound=Engine)

ENTRY_POINT_GROUP = "locutor.engines"


class SharedBases(Generic[_E]):
    """Engines that adapters stand on, one for each file and device, kept only while an adapter uses it.

    So adapters of one base can be changed from request to request, each costing only its own few weights.
    """

    def __init__(self) -> None:
        self._loaded: WeakValueDictionary[tuple[Path, float, str], _E] = WeakValueDictionary()
        self._standing: WeakKeyDictionary[_E, _E] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def get(self, file: tuple[Path, str], load: Callable[[], _E]) -> _E:
        """The base of a weights file on a device; a file that changed is read again."""
        path, device = file
        key = (path.resolve(), path.stat().st_mtime, device)
        with self._lock:
            base = self._loaded.get(key)
            if base is None:
                base = self._loaded[key] = load()
            return base

    def keep(self, base: _E, engine: _E) -> _E:
        """Keep the base in memory as long as the engine on top of it."""
        self._standing[engine] = base
        return engine


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


# One for the process: adapters of one base come from many places, each with a registry of its own.
_BUILTIN_BASES: "SharedBases[BuiltinEngine]" = SharedBases()
_F5_BASES: "SharedBases[F5Engine]" = SharedBases()


@cache
def _vocoders() -> "VocoderCache":
    from locutor.engines.vocoder import VocoderCache

    return VocoderCache()


def default_registry() -> EngineRegistry:
    """Locutor's own engines and those that installed packages offer."""
    registry = EngineRegistry()
    registry.add("builtin", _load_builtin)
    registry.add("f5", _load_f5)
    registry.add("xtts", _load_xtts)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        registry.add(entry.name, partial(_load_from, entry))
    return registry


def _load_from(entry: EntryPoint, checkpoint: Checkpoint, device: str) -> Engine:
    engine: Engine = entry.load()(checkpoint, device)
    return engine


def _load_builtin(checkpoint: Checkpoint, device: str) -> Engine:
    from locutor.engines.builtin.engine import WEIGHTS, BuiltinEngine

    path = checkpoint.files.get("model", WEIGHTS)
    if (adapter := _adapter(checkpoint)) is None:
        return BuiltinEngine.load(device, path)
    base = _BUILTIN_BASES.get((path, device), lambda: BuiltinEngine.load(device, path))
    return _BUILTIN_BASES.keep(base, base.with_adapter(adapter))


def _load_f5(checkpoint: Checkpoint, device: str) -> Engine:
    from locutor.engines.f5.engine import UNKNOWN_ORIGIN, F5Engine

    card, files = checkpoint.card, checkpoint.files
    absent = [role for role in ("model", "vocab", "vocoder") if role not in files]
    if absent:
        raise CheckpointError(f"the card of model {card.id!r} names no file for {', '.join(absent)}")
    info = replace(UNKNOWN_ORIGIN, languages=card.languages, licence=card.licence, commercial_use=card.commercial_use)
    vocoder = _vocoders().get(files["vocoder"], device)

    def load() -> F5Engine:
        return F5Engine.load(files["model"], files["vocab"], vocoder, device=device, config=card.config, info=info)

    if (adapter := _adapter(checkpoint)) is None:
        return load()
    base = _F5_BASES.get((files["model"], device), load)
    return _F5_BASES.keep(base, base.with_adapter(adapter, info))


def _adapter(checkpoint: Checkpoint) -> "Adapter | None":
    """What the checkpoint puts on top of its base."""
    from locutor.engines.lora import read_adapter

    files = checkpoint.files
    return read_adapter(files["adapter"], files["adapter_config"]) if "adapter" in files else None


def _load_xtts(checkpoint: Checkpoint, device: str) -> Engine:
    from locutor.engines.xtts.engine import UNKNOWN_ORIGIN, Plan, XttsEngine

    card, files = checkpoint.card, checkpoint.files
    absent = [role for role in ("model", "config", "vocab") if role not in files]
    if absent:
        raise CheckpointError(f"the card of model {card.id!r} names no file for {', '.join(absent)}")
    info = replace(UNKNOWN_ORIGIN, languages=card.languages, licence=card.licence, commercial_use=card.commercial_use)
    return XttsEngine.load(
        files["model"],
        files["config"],
        files["vocab"],
        plan=Plan.of(device),
        info=info,
        speakers_file=files.get("speakers"),
        adapter=_adapter(checkpoint),
    )
