"""One process a run: an advisory lock on a file, which the system lets go of when the process ends, however it ends.

Not covered: systems without flock (Windows), where nothing is locked.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

from locutor.errors import ConflictError

fcntl: ModuleType | None
try:
    import fcntl
except ModuleNotFoundError:
    fcntl = None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock; ConflictError when another process does."""
    with path.open("ab") as file:
        if fcntl is not None:
            _take(fcntl, file, path.parent.name)
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock."""
    if fcntl is None or not path.is_file():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _take(fcntl: ModuleType, file: IO[bytes], run: str) -> None:
    """Whoever asks whether the lock is held holds it for a moment, so it is tried for a second."""
    for _ in range(20):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.05)
    raise ConflictError(f"run {run!r} is under way in another process")
