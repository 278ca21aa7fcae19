"""Which bytes were here before: SHA-256 of model files, kept across removals.

A file whose hash nobody published is trusted at first use; ever after it must be the same. A file is hashed again only
when its size or its time of change differ from those at the last look, so loading a model stays cheap.
"""

import json
import os
from pathlib import Path
from typing import TypedDict

from locutor.engines.download import disk_refused, sha256_of
from locutor.errors import CheckpointError, StorageError


class _Entry(TypedDict):
    sha256: str
    size: int
    mtime_ns: int


class HashBook:
    """The file `hashes.json`, keyed by model id and path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self, key: str) -> str | None:
        """The hash recorded for this file, if it was here before."""
        entry = self._read().get(key)
        return entry["sha256"] if entry else None

    def record(self, key: str, path: Path, digest: str) -> None:
        """Remember the hash of a file just checked."""
        stat = path.stat()
        entries = self._read() | {key: _Entry(sha256=digest, size=stat.st_size, mtime_ns=stat.st_mtime_ns)}
        beside = self._path.with_suffix(".tmp")
        try:
            beside.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")
            os.replace(beside, self._path)
        except OSError as error:
            raise disk_refused(self._path, error) from error

    def verify(self, key: str, path: Path, published: str | None) -> str:
        """SHA-256 of the file, which must be the published one or, failing that, the recorded one."""
        entry = self._read().get(key)
        stat = path.stat()
        if entry and (stat.st_size, stat.st_mtime_ns) == (entry["size"], entry["mtime_ns"]):
            digest = entry["sha256"]
        else:
            digest = sha256_of(path)
        expected = published or (entry["sha256"] if entry else digest)
        if digest != expected:
            raise CheckpointError(f"{path} has SHA-256 {digest}, not {expected}; remove it and pull the model again")
        if entry is None or entry["mtime_ns"] != stat.st_mtime_ns:
            self._remember(key, path, digest)
        return digest

    def _remember(self, key: str, path: Path, digest: str) -> None:
        try:
            self.record(key, path, digest)
        except StorageError:
            return  # a read-only data folder only costs the time of hashing again

    def _read(self) -> dict[str, _Entry]:
        if not self._path.exists():
            return {}
        try:
            entries: dict[str, _Entry] = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CheckpointError(f"{self._path} is damaged ({error}); delete it to start anew") from error
        return entries
