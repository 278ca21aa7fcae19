"""The seam between whoever wants speech (routes, commands, jobs) and whoever makes it (this process, workers)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from locutor.errors import OptionError
from locutor.serving.recipe import Recipe, Speech
from locutor.types import SpeechRequest, Waveform
from locutor.voices.store import Voice

ChunkProgress: TypeAlias = Callable[[int, int], None]
"""Called with (chunks spoken, chunks in all)."""


@dataclass(frozen=True)
class Spoken:
    """A text in one voice."""

    request: SpeechRequest
    voice: Voice


@dataclass(frozen=True)
class Pause:
    """Silence of duration_s."""

    duration_s: float


Part: TypeAlias = Spoken | Pause


@dataclass(frozen=True, kw_only=True)
class SpeechCall:
    """One thing to be spoken: a text, or a script of several voices and pauses.

    model: id of the checkpoint, None for the service's own. timeout_s: it is dropped when it is not done by then, None
    for the service's own limit. early: make the first piece of a long text short, so that it sounds soon.
    cancelled: set it to drop the call; it ends with CancelledError.
    """

    parts: Sequence[Part]
    model: str | None = None
    timeout_s: float | None = None
    early: bool = False
    cancelled: threading.Event | None = None

    def __post_init__(self) -> None:
        if not any(isinstance(part, Spoken) for part in self.parts):
            raise OptionError("there is nothing to speak: give at least one part with a text")

    @classmethod
    def of(cls, request: SpeechRequest, voice: Voice, *, model: str | None = None, timeout_s: float | None = None,
           early: bool = False, cancelled: threading.Event | None = None) -> "SpeechCall":  # fmt: skip
        """A single text in a single voice."""
        return cls(parts=(Spoken(request, voice),), model=model, timeout_s=timeout_s, early=early, cancelled=cancelled)


class SpeechStream(Protocol):
    """The audio of one call, piece by piece; memory does not grow with its length.

    Iterating raises what `speak` would raise; close() drops what was not fetched yet. When a piece was fetched, recipe
    and warnings are there if and only if it was the last.
    """

    recipe: Recipe | None
    warnings: tuple[str, ...]

    @property
    def sample_rate(self) -> int: ...

    def __iter__(self) -> Iterator[Waveform]: ...
    def __next__(self) -> Waveform: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """A model in memory. users: calls that need it now; n_bytes: of its weights; idle_s: since the last call."""

    model: str
    engine: str
    device: str
    n_bytes: int
    users: int
    idle_s: float
    n_loads: int


@dataclass(frozen=True, kw_only=True)
class BackendStatus:
    """waiting, running: calls. capacity: of the queue. workers: their numbers -> "ready", "starting" or "down".

    devices: numbers of workers -> torch's name of what each drives, None until that is known.
    """

    waiting: int
    running: int
    capacity: int
    workers: dict[str, str]
    devices: dict[str, str | None]
    models: tuple[ModelState, ...]

    @property
    def is_ready(self) -> bool:
        return bool(self.workers) and all(state == "ready" for state in self.workers.values())


class SpeechBackend(Protocol):
    """Whoever turns calls into speech: this process, workers, a cluster. Safe to share between threads.

    Raises, from speak and at the latest from the first piece of a stream: QueueFullError at once when too much waits,
    AudioError, TextError, OptionError, NotFoundError, CheckpointError for what is asked, RequestTimeoutError,
    CancelledError, EngineError, WorkerError for what becomes of it.
    """

    def speak(self, call: SpeechCall, on_progress: ChunkProgress | None = None) -> Speech:
        """All of it as one waveform."""
        ...

    def stream(self, call: SpeechCall) -> SpeechStream:
        """The same samples piece by piece, as they come; waits for the first."""
        ...

    def load(self, model: str) -> None:
        """Bring a model into memory now, and keep it there until unload."""
        ...

    def unload(self, model: str) -> None:
        """Give a model's memory back; ConflictError while a call uses it, NotFoundError when it is not loaded."""
        ...

    def status(self) -> BackendStatus: ...

    def close(self) -> None: ...
