"""The exception tree.

    LocutorError
    ├── AudioError (ValueError)            audio that cannot be read, is empty, silent, clipped, too short or too long
    ├── TextError (ValueError)             text with nothing to speak, or that the model cannot pronounce
    ├── OptionError (ValueError)           a setting outside its range, an unknown language, device or format
    ├── NotFoundError (FileNotFoundError)  a file, voice, model or engine that is not there
    ├── CheckpointError (RuntimeError)     weights that are damaged, of another shape, unsafe or ambiguous
    ├── EngineError (RuntimeError)         the engine cannot do this now: not configured, closed, out of memory
    ├── QueueFullError (RuntimeError)      too much is waiting already; `retry_after_s` says when to ask again
    ├── RequestTimeoutError (RuntimeError)  the request's time was over before it was spoken
    ├── WorkerError (RuntimeError)         the process that speaks ended unexpectedly, and again at the second try
    ├── WorkerDownError (RuntimeError)     the process that speaks ended too often and rests; nothing was begun
    ├── CancelledError (RuntimeError)      whoever asked has cancelled; nothing went wrong
    ├── ConflictError (RuntimeError)       the thing is in a state that forbids this: a running job, a model in use
    ├── ServiceError (RuntimeError)        a service refuses, cannot be reached, or does not answer as one of ours
    ├── StorageError (RuntimeError)        the disk refuses: full, read-only
    └── MissingExtraError (RuntimeError)   an optional dependency is not installed; the message names the extra

Each leaf is also the builtin exception that callers expect. Messages name the offending value and what would be right.
"""


class LocutorError(Exception):
    """Root of all errors that Locutor raises on purpose; str() is one sentence fit for a user."""


class AudioError(LocutorError, ValueError):
    """Audio that cannot be used."""


class TextError(LocutorError, ValueError):
    """Text that cannot be spoken."""


class OptionError(LocutorError, ValueError):
    """A setting outside its range or of an unknown name."""


class NotFoundError(LocutorError, FileNotFoundError):
    """A file, voice, model or engine that is not there."""

    def __str__(self) -> str:  # OSError would print its errno form for two arguments
        return " ".join(str(a) for a in self.args)


class CheckpointError(LocutorError, RuntimeError):
    """Weights that cannot be loaded as they are."""


class EngineError(LocutorError, RuntimeError):
    """The engine cannot do this in its present state."""


class QueueFullError(LocutorError, RuntimeError):
    """Too much is waiting already. retry_after_s: when a place is likely to be free, at least 1."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RequestTimeoutError(LocutorError, RuntimeError):
    """The request's time was over before it was spoken."""


class WorkerError(LocutorError, RuntimeError):
    """The process that speaks ended unexpectedly."""


class WorkerDownError(LocutorError, RuntimeError):
    """The process that speaks ended too often and rests; nothing was begun."""


class CancelledError(LocutorError, RuntimeError):
    """Whoever asked has cancelled."""


class ConflictError(LocutorError, RuntimeError):
    """The thing is in a state that forbids this."""


class ServiceError(LocutorError, RuntimeError):
    """A service that was called refuses, or cannot be reached."""


class StorageError(LocutorError, RuntimeError):
    """The disk refused."""


class MissingExtraError(LocutorError, RuntimeError):
    """An optional dependency is not installed; `command` installs what no extra can (packages without dependencies)."""

    def __init__(self, package: str, extra: str, command: str | None = None) -> None:
        command = command or f"pip install 'locutor[{extra}]'"
        super().__init__(f"{package} is not installed; install it with: {command}")
