"""One file from a hub to the disk: resumable, checked, and there only when it is whole."""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from locutor.errors import CheckpointError, LocutorError, NotFoundError, StorageError

if TYPE_CHECKING:
    import httpx

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all or None)."""

_ATTEMPTS = 5


@dataclass(frozen=True)
class RemoteFile:
    """size and sha256 are None where nobody published them."""

    url: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class _Reply:
    """What the server said of one attempt: where its bytes start, how long the file is, and the hash it announces."""

    start: int
    total: int | None
    sha256: str | None


def download(file: RemoteFile, target: Path, on_progress: Progress | None = None, pause_s: float = 1.0) -> str:
    """Fetch a file to `target` and return its SHA-256.

    Bytes go to `target` + ".part", which survives a broken connection, Ctrl-C and a full disk; the next call goes on
    from there if the server still has the same file. A connection that breaks is taken up again, at most 5 times in a
    row without a new byte, with pauses that double from pause_s.
    Raises NotFoundError when the hub cannot be reached or has no such file, CheckpointError when the bytes have
    another hash or length than published, StorageError when the disk refuses.
    """
    import httpx

    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with httpx.Client(follow_redirects=True, timeout=30, headers={"Accept-Encoding": "identity"}) as client:
            announced = _fetch(client, file, part, on_progress or (lambda done, total: None), pause_s)
        digest = _check(part, file, announced)
        os.replace(part, target)
        _tag_file(part).unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, LocutorError):
            raise
        raise disk_refused(target, error) from error
    return digest


def disk_refused(path: Path, error: OSError) -> StorageError:
    """The disk's refusal in words; what was written so far stays."""
    return StorageError(f"cannot write {path}: {error.strerror or error}")


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch(client: "httpx.Client", file: RemoteFile, part: Path, on_progress: Progress, pause_s: float) -> str | None:
    import httpx

    failures = 0
    while True:
        before = _size(part)
        try:
            return _attempt(client, file, part, on_progress)
        except httpx.RequestError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= _ATTEMPTS:
                raise NotFoundError(f"cannot fetch {file.url}: {str(error) or type(error).__name__}") from error
            time.sleep(pause_s * 2 ** (failures - 1))


def _attempt(client: "httpx.Client", file: RemoteFile, part: Path, on_progress: Progress) -> str | None:
    """One request, appended to the part file; returns the SHA-256 that the server announces, if it does."""
    with client.stream("GET", file.url, headers=_resume_headers(part, file)) as response:
        if response.status_code == 416:
            # The part is as long as the file, or longer: the hash decides, or it starts anew.
            if _size(part) == _number(response.headers.get("Content-Range", "").rpartition("/")[2]):
                return None
            _discard(part)
            raise _retry(f"the server refused to resume {file.url}")
        reply = _read_reply(response, file, part)
        _keep_tag(part, response.headers.get("ETag"))
        _require_space(part.parent, (file.size or reply.total or 0) - reply.start)
        with part.open("ab" if reply.start else "wb") as stream:
            _copy(response, stream, reply, on_progress)
    if reply.total is not None and _size(part) < reply.total:
        raise _retry(f"the connection ended after {_size(part)} of {reply.total} bytes")
    return reply.sha256


def _retry(reason: str) -> "httpx.TransportError":
    import httpx

    return httpx.TransportError(reason)


def _copy(response: "httpx.Response", stream: IO[bytes], reply: _Reply, on_progress: Progress) -> None:
    done = reply.start
    on_progress(done, reply.total)
    for piece in response.iter_bytes():  # no chunk size: a buffered piece would be lost when the connection breaks
        stream.write(piece)
        done += len(piece)
        on_progress(done, reply.total)
    stream.flush()
    os.fsync(stream.fileno())


def _read_reply(response: "httpx.Response", file: RemoteFile, part: Path) -> _Reply:
    status = response.status_code
    if status >= 500 or status == 429:
        raise _retry(f"the server answered {status}")
    if status not in (200, 206):
        raise NotFoundError(f"{file.url} answered {status} {response.reason_phrase}")
    start, total = 0, _number(response.headers.get("Content-Length"))
    if status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != _size(part):
            _discard(part)
            raise _retry("the server resumed at another place than asked")
        start, total = int(match[1]), _number(match[2])
    return _Reply(start, total if total is not None else file.size, _announced_sha256(response))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _announced_sha256(response: "httpx.Response") -> str | None:
    """The public hub answers with a redirect that carries the file's SHA-256 as X-Linked-ETag."""
    for reply in [*response.history, response]:
        tag = reply.headers.get("X-Linked-ETag", "").strip('"')
        if re.fullmatch("[0-9a-f]{64}", tag):
            return str(tag)
    return None


def _resume_headers(part: Path, file: RemoteFile) -> dict[str, str]:
    """Ask for the rest only where a change of the file in between would be noticed: by its tag or by its hash."""
    n_bytes = _size(part)
    tag = _tag_file(part).read_text(encoding="utf-8") if _tag_file(part).exists() else None
    if n_bytes == 0 or (tag is None and file.sha256 is None):
        return {}
    return {"Range": f"bytes={n_bytes}-"} | ({"If-Range": tag} if tag else {})


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _keep_tag(part: Path, tag: str | None) -> None:
    """Weak tags do not promise equal bytes and are not kept (RFC 9110, section 13.1.5)."""
    if tag and not tag.startswith("W/"):
        _tag_file(part).write_text(tag, encoding="utf-8")
    else:
        _tag_file(part).unlink(missing_ok=True)


def _require_space(folder: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise StorageError(f"{folder} has {free:,} bytes free; {n_bytes:,} are needed")


def _check(part: Path, file: RemoteFile, announced: str | None) -> str:
    digest = sha256_of(part)
    expected = file.sha256 or announced
    if expected is not None and digest != expected:
        _discard(part)
        raise CheckpointError(f"{file.url} has SHA-256 {digest}, not {expected} as published; it was not kept")
    if file.size is not None and _size(part) != file.size:
        n_bytes = _size(part)
        _discard(part)
        raise CheckpointError(f"{file.url} has {n_bytes} bytes, not {file.size} as published; it was not kept")
    return digest


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
