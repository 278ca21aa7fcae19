"""Write a file in full or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from locutor.errors import LocutorError, NotFoundError, StorageError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends well and vanishes when it does not.

    A device or pipe is written to as it is. Raises NotFoundError when the folder is not there, StorageError when the
    disk refuses (full, read-only) or `path` is a folder.
    """
    if path.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise NotFoundError(f"there is no folder {path.parent} to write {path.name} to")
    try:
        if path.exists() and not path.is_file():
            with open(path, "wb") as device:
                yield device
        else:
            yield from _replace(path)
    except LocutorError:  # some are OSErrors too, and come from the caller's block
        raise
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def _replace(path: Path) -> Iterator[BinaryIO]:
    # Not tempfile: its files are readable by the owner only, and would stay so.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
