"""Results that a step need not work out again: after an interruption, or when only some of its input changed."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self

from locutor.audio.files import replacing
from locutor.datasets.manifest import R
from locutor.errors import StorageError


def key_of(*parts: Any) -> str:
    """A key for what a result depends on; the parts are JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


class Memo(Generic[R]):
    """Rows by key in a file of JSON lines; each result is on the disk as soon as it is put.

    A line cut off by a crash is forgotten. Leaving the block without an error drops results that were not asked for.
    """

    def __init__(self, path: Path, row_type: type[R]) -> None:
        self._path, self._type = path, row_type
        self._lines = _whole_lines(path)
        self._used: dict[str, bytes] = {}

    def get(self, key: str) -> list[R] | None:
        """The rows put under the key, None if there are none."""
        if key not in self._lines:
            return None
        self._used[key] = self._lines[key]
        return [self._type.model_validate(row) for row in json.loads(self._lines[key])["rows"]]

    def put(self, key: str, rows: Sequence[R]) -> None:
        """Store a result. Raises StorageError when the disk refuses."""
        entry = {"key": key, "rows": [row.model_dump(mode="json", exclude_defaults=True) for row in rows]}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        self._lines[key] = self._used[key] = line
        try:
            with open(self._path, "ab") as file:
                file.write(line)
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            with replacing(self._path) as file:
                file.writelines(self._used.values())


def _whole_lines(path: Path) -> dict[str, bytes]:
    """Key -> line. Half a line at the end is cut off the file, so that what is appended starts a new one."""
    if not path.is_file():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with replacing(path) as file:
            file.write(whole)
    return {json.loads(line)["key"]: line for line in whole.splitlines(keepends=True)}
