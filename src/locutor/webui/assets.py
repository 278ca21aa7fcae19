"""Style sheets, scripts, icons: read once, named by the hash of all of them, so browsers may keep them for good."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from locutor.i18n import LANGUAGES, catalogue

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
_MIN_GZIP = 600


@dataclass(frozen=True)
class Asset:
    """A file as it is sent. gzipped: None where that would not be smaller."""

    data: bytes
    gzipped: bytes | None
    media_type: str


@dataclass(frozen=True)
class Assets:
    """Files by path below static/; digest changes when any of them does."""

    files: dict[str, Asset]
    digest: str


@cache
def assets() -> Assets:
    """All files of the page."""
    files = {path: file.read_bytes() for path, file in _walk(resources.files("locutor.webui") / "static", "")}
    return _hashed({path: (data, _media_type(path)) for path, data in files.items()})


@cache
def words() -> Assets:
    """The words of each language as JSON, by its tag: message id -> translation."""
    return _hashed({language: (_json(catalogue(language).messages), "application/json") for language in LANGUAGES})


def _json(messages: Mapping[str, str]) -> bytes:
    return json.dumps(dict(messages), ensure_ascii=False, separators=(",", ":")).encode()


def _hashed(files: Mapping[str, tuple[bytes, str]]) -> Assets:
    digest = hashlib.sha256()
    for path, (data, _) in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return Assets({path: _asset(*file) for path, file in files.items()}, digest.hexdigest()[:12])


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(tuple(_TYPES)):
            found.append((prefix + entry.name, entry))
    return found


def _asset(data: bytes, media_type: str) -> Asset:
    packed = gzip.compress(data, 9, mtime=0) if len(data) >= _MIN_GZIP else data
    return Asset(data, packed if len(packed) < len(data) else None, media_type)


def _media_type(path: str) -> str:
    return _TYPES[path[path.rindex(".") :]]
