"""Which processes use a data folder, and whether they still live.

Each process holds an advisory lock on a file of its own. The system lets go of it when the process ends, however it
ends, so a token whose lock can be taken belongs to nobody alive. Not covered: systems without flock (Windows), where
`is_alive` cannot tell and answers True, so that only an expired lease frees what a dead process held.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

from locutor.errors import StorageError

fcntl: ModuleType | None
try:
    import fcntl
except ModuleNotFoundError:
    fcntl = None


@contextmanager
def usable(data_dir: Path) -> Iterator[None]:
    """Raise StorageError, in words, for what the system refuses in a data folder."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot use the data folder {data_dir}: {error.strerror}; set LOCUTOR_DATA_DIR") from error


class Owner:
    """This process, by a token that no other process ever had."""

    def __init__(self, folder: Path) -> None:
        """folder: where the processes of this data folder leave their lock files; it is made if need be.

        Raises StorageError.
        """
        self.folder, self.token = folder, f"{os.getpid()}-{secrets.token_hex(6)}"
        with usable(folder.parent):
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] | None = (folder / self.token).open("xb")
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def is_alive(self, token: str) -> bool:
        """Whether the process of that token still runs."""
        if token == self.token:
            return self._file is not None
        path = self.folder / token
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return fcntl is None or not _can_lock(fcntl, file)

    def others(self) -> list[str]:
        """Tokens of the processes, dead or alive, that have left a file here."""
        return sorted(path.name for path in self.folder.iterdir() if path.name != self.token)

    def forget(self, token: str) -> None:
        """Remove the file of a dead process."""
        (self.folder / token).unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self.forget(self.token)
            self._file.close()
            self._file = None


def _can_lock(fcntl: ModuleType, file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
