"""Who runs calls on one device, and what it tells while it does: in this process or in a worker's."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from locutor import errors
from locutor.errors import EngineError, LocutorError, QueueFullError
from locutor.serving.backend import ModelState, Part
from locutor.types import Waveform


@dataclass(frozen=True, kw_only=True)
class Work:
    """A call as an executor gets it, with every seed drawn. timeout_s: from now on, without the time that it waits
    for its listener; the longest such wait too.

    max_ahead: chunks that may be spoken before the first of them was fetched, None without limit.
    """

    parts: Sequence[Part]
    model: str
    timeout_s: float
    early: bool = False
    max_ahead: int | None = None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The first event of a call. recipe: the fields of a Recipe that are known before anything is spoken."""

    n_chunks: int
    sample_rate: int
    recipe: dict[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChunkReady:
    """The next chunk, in the text's order; `part` counts the parts of the call."""

    part: int
    waveform: Waveform


@dataclass(frozen=True)
class Finished:
    """The last event of a call that went well. warnings: on the references, full sentences."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CallFailed:
    """The last event of a call that did not. kind: the error's name in locutor.errors."""

    kind: str
    message: str
    retry_after_s: float = 1.0

    @classmethod
    def of(cls, error: BaseException) -> "CallFailed":
        if isinstance(error, LocutorError):
            return cls(type(error).__name__, str(error), getattr(error, "retry_after_s", 1.0))
        return cls("EngineError", f"the engine failed unexpectedly: {type(error).__name__}")

    def error(self) -> LocutorError:
        if self.kind == "QueueFullError":
            return QueueFullError(self.message, self.retry_after_s)
        kind = getattr(errors, self.kind, EngineError)
        error: LocutorError = EngineError(self.message) if kind is errors.MissingExtraError else kind(self.message)
        return error


@dataclass(frozen=True)
class ExecutorDied:
    """The process that ran the call is gone; nothing more comes of it."""


CallEvent: TypeAlias = Planned | ChunkReady | Finished | CallFailed | ExecutorDied
Sink: TypeAlias = Callable[[CallEvent], None]


@dataclass(frozen=True)
class BatchDone:
    """n_utterances were on the device together for elapsed_s and gave duration_s of speech in all.

    lookups: (cache, "hit" or "miss") -> how often since the batch before; the caches are "model" and "voice".
    """

    n_utterances: int
    elapsed_s: float
    duration_s: float
    lookups: Counter[tuple[str, str]] = field(default_factory=Counter)


class Executor(Protocol):
    """One device. Safe to share between threads; sinks are called from the executor's own."""

    @property
    def state(self) -> str:
        """ "ready", "starting" or "down"."""
        ...

    @property
    def device(self) -> str | None:
        """torch's name of it, None until that is known."""
        ...

    def submit(self, call_id: int, work: Work, sink: Sink) -> None:
        """Begin a call; its events go to the sink."""
        ...

    def cancel(self, call_id: int) -> None:
        """Drop a call; no further event of it follows, except those under way."""
        ...

    def fetched(self, call_id: int) -> None:
        """One more chunk of the call was taken, so the next may be spoken."""
        ...

    def manage(self, action: str, model: str) -> None:
        """ "load" or "unload" a model, now; raises as SpeechBackend.load and unload."""
        ...

    def models(self) -> tuple[ModelState, ...]: ...

    def close(self) -> None: ...
