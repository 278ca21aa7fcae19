"""The service of this data folder, if one runs: where it is, written down by itself, for commands of the same user."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from locutor.errors import StorageError

FILE_NAME = "service.json"


@dataclass(frozen=True)
class LocalService:
    """url: where it listens, as this machine reaches it. key: an API key for this machine's commands, None where none
    is needed. pid: of its process."""

    url: str
    pid: int
    key: str | None = None


def write_down(data_dir: Path, service: LocalService) -> None:
    """Readable by the user only, since it holds a key; raises StorageError."""
    path = data_dir / FILE_NAME
    part = path.with_name(f".{FILE_NAME}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(service), file)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def look_up(data_dir: Path) -> LocalService | None:
    """What the file says, which may be of a service that is gone; None without one, or when it is not one of ours."""
    try:
        found = json.loads((data_dir / FILE_NAME).read_text(encoding="utf-8"))
        return LocalService(url=str(found["url"]), pid=int(found["pid"]), key=found.get("key"))
    except (FileNotFoundError, NotADirectoryError, PermissionError, KeyError, TypeError, ValueError):
        return None


def forget(data_dir: Path, pid: int) -> None:
    """Remove the file, if it is still that process's."""
    found = look_up(data_dir)
    if found is not None and found.pid == pid:
        (data_dir / FILE_NAME).unlink(missing_ok=True)
