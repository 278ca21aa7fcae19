"""Models in memory: loaded once, counted by those who use them, given back when nobody does."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from locutor.errors import ConflictError, NotFoundError
from locutor.serving.backend import ModelState
from locutor.serving.limits import ServingLimits
from locutor.serving.models import LoadedModel, LoadModel

_log = logging.getLogger(__name__)


@dataclass
class _Entry:
    """One model, loaded or being loaded. pinned: asked for explicitly, so only an explicit unload removes it."""

    loading: threading.Lock = field(default_factory=threading.Lock)
    model: LoadedModel | None = None
    users: int = 0
    pinned: bool = False
    used_at: float = 0.0
    n_loads: int = 0


class ModelCache:
    """Safe to share between threads. `clock` is in seconds.

    Over the memory budget, models that nobody uses go, the one unused for longest first. Models in use are never
    taken away, so while calls need several at once the budget can be passed; it holds again when they end.
    """

    def __init__(self, load: LoadModel, limits: ServingLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._load, self._limits, self._clock = load, limits, clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()
        self.n_hits = self.n_misses = 0

    def acquire(self, model: str) -> LoadedModel:
        """The model, loaded if need be; `release` it afterwards. Calls for one model wait for one load.

        Raises what loading raises.
        """
        with self._lock:
            entry = self._entries.setdefault(model, _Entry())
            entry.users += 1
        with ExitStack() as unless_it_loads:
            unless_it_loads.callback(self._leave, model, entry)
            with entry.loading:
                if entry.model is None:
                    self.n_misses += 1
                    entry.model = _loaded_apart(self._load, model)
                    entry.n_loads += 1
                else:
                    self.n_hits += 1
                loaded = entry.model
            unless_it_loads.pop_all()
        self._shrink()
        return loaded

    def release(self, model: str) -> None:
        with self._lock:
            entry = self._entries[model]
        self._leave(model, entry)
        self._shrink()

    def pin(self, model: str) -> None:
        """Load and keep, also when idle."""
        self.acquire(model)
        with self._lock:
            self._entries[model].pinned = True
        self.release(model)

    def unload(self, model: str) -> None:
        """Raises NotFoundError when it is not loaded, ConflictError while somebody uses it."""
        with self._lock:
            entry = self._entries.get(model)
            if entry is None or entry.model is None:
                raise NotFoundError(f"model {model!r} is not loaded")
            if entry.users:
                raise ConflictError(f"model {model!r} is in use by {entry.users} calls; try again when they are done")
            self._drop(model, entry)

    def sweep(self) -> list[str]:
        """Unload what has been idle for longer than the limit; returns the models."""
        idle_s = self._limits.idle_ttl_s
        if idle_s is None:
            return []
        with self._lock:
            old = [m for m, e in self._unused() if self._clock() - e.used_at > idle_s]
            for model in old:
                self._drop(model, self._entries[model])
        return old

    def states(self) -> tuple[ModelState, ...]:
        with self._lock:
            return tuple(self._state(m, e) for m, e in self._entries.items() if e.model is not None)

    def close(self) -> None:
        """Give everything back, in use or not."""
        with self._lock:
            for model, entry in list(self._entries.items()):
                if entry.model is not None:
                    self._drop(model, entry)

    def _leave(self, model: str, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
            entry.used_at = self._clock()
            if entry.users == 0 and self._limits.low_vram and entry.model is not None and not entry.pinned:
                self._drop(model, entry)

    def _shrink(self) -> None:
        budget = self._limits.memory_bytes
        if budget is None:
            return
        with self._lock:
            for model, entry in self._unused():
                if sum(e.model.n_bytes for e in self._entries.values() if e.model is not None) <= budget:
                    return
                self._drop(model, entry)

    def _unused(self) -> list[tuple[str, _Entry]]:
        """Loaded models that may go, the one unused for longest first."""
        free = [(m, e) for m, e in self._entries.items() if e.model is not None and not e.users and not e.pinned]
        return sorted(free, key=lambda item: item[1].used_at)

    def _drop(self, model: str, entry: _Entry) -> None:
        assert entry.model is not None
        entry.model.engine.close()
        entry.model, entry.pinned = None, False
        _log.info("unloaded model %s", model)

    def _state(self, model: str, entry: _Entry) -> ModelState:
        assert entry.model is not None
        return ModelState(
            model=model,
            engine=entry.model.engine.info.name,
            device=entry.model.device,
            n_bytes=entry.model.n_bytes,
            users=entry.users,
            idle_s=0.0 if entry.users else self._clock() - entry.used_at,
            n_loads=entry.n_loads,
        )


def _loaded_apart(load: LoadModel, model: str) -> LoadedModel:
    """Load in a thread that ends afterwards.

    A thread that has computed keeps the OpenMP threads it got. Once there are more of those than cores, all of them
    sleep between operations, and the device's thread, which is to compute from now on, waits for them to wake at each:
    speech took 1.4 times as long (2 cores).
    """
    with ThreadPoolExecutor(1, "model-loading") as alone:
        return alone.submit(load, model).result()
