"""Files by opaque id under one data root.

A file is first staged where only its own process writes, then moved into place and given its row in the transaction
that makes it count. Files are moved only under the database's write lock, so whoever holds that lock and finds a file
without a row has found one whose transaction never came to its end.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from locutor.errors import NotFoundError, StorageError
from locutor.storage.database import Base, Database, now
from locutor.storage.owner import Owner

_BLOCK = 1 << 20


class ArtefactRow(Base):
    """A file that counts."""

    __tablename__ = "artefacts"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    filename: Mapped[str]
    media_type: Mapped[str]
    n_bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[float]


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """owner: whose it is, such as "job:job_1f..." or "voice:v_3a...". filename: a name to offer for downloads, never
    a path to open."""

    id: str
    owner: str
    filename: str
    media_type: str
    n_bytes: int
    sha256: str
    created_at: float


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A complete file that does not count yet. path: where it waits, readable until it is committed."""

    id: str
    path: Path
    filename: str
    media_type: str
    n_bytes: int
    sha256: str


class ArtefactStore:
    """The files of one data folder."""

    def __init__(self, data_dir: Path, database: Database, owner: Owner) -> None:
        self._database, self._owner = database, owner
        self._files = data_dir / "artefacts"
        self._staging = data_dir / "staging"
        self._mine = self._staging / owner.token
        for folder in (self._files, self._mine):
            folder.mkdir(parents=True, exist_ok=True)

    def stage(self, data: bytes | BinaryIO, *, filename: str, media_type: str) -> Staged:
        """Write a file in full, out of sight. Raises StorageError when the disk refuses."""
        artefact_id = f"art_{secrets.token_hex(12)}"
        path = self._mine / artefact_id
        try:
            with path.open("xb") as file:
                n_bytes, sha256 = _copy(_blocks(data), file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StorageError(f"cannot store {filename}: {error.strerror or error}") from error
        return Staged(
            id=artefact_id, path=path, filename=filename, media_type=media_type, n_bytes=n_bytes, sha256=sha256
        )

    def stage_file(self, path: Path, *, filename: str, media_type: str) -> Staged:
        """As `stage`, from a file of ours (a scratch file); the file itself stays."""
        with path.open("rb") as file:
            return self.stage(file, filename=filename, media_type=media_type)

    def commit(self, session: Session, staged: Staged, owner: str) -> Artefact:
        """Move a staged file into place and add its row to a `Database.write` transaction."""
        place = self._place(staged.id)
        place.parent.mkdir(exist_ok=True)
        os.replace(staged.path, place)
        _sync(place.parent)
        row = ArtefactRow(
            id=staged.id,
            owner=owner,
            filename=staged.filename,
            media_type=staged.media_type,
            n_bytes=staged.n_bytes,
            sha256=staged.sha256,
            created_at=now(),
        )
        session.add(row)
        session.flush()
        return _artefact(row)

    def put(self, data: bytes | BinaryIO, *, filename: str, media_type: str, owner: str) -> Artefact:
        """Stage and commit in a transaction of its own."""
        staged = self.stage(data, filename=filename, media_type=media_type)
        with self._database.write() as session:
            return self.commit(session, staged, owner)

    def discard(self, staged: Iterable[Staged]) -> None:
        """Forget staged files that will not be committed."""
        for file in staged:
            file.path.unlink(missing_ok=True)

    def get(self, artefact_id: str) -> Artefact:
        """NotFoundError when there is none of that id."""
        with self._database.read() as session:
            row = session.get(ArtefactRow, artefact_id)
        if row is None:
            raise NotFoundError(f"there is no file {artefact_id!r}")
        return _artefact(row)

    def path(self, artefact_id: str) -> Path:
        """Where the file of a known id lies, to be read and never written. Raises NotFoundError."""
        return self.place(self.get(artefact_id).id)

    def place(self, artefact_id: str) -> Path:
        """As `path`, of an id that was just read from the database and is not looked for there again."""
        place = self._place(artefact_id)
        if not place.is_file():
            raise NotFoundError(f"the file of {artefact_id!r} was removed from the data folder")
        return place

    def owned_by(self, owner: str) -> list[Artefact]:
        with self._database.read() as session:
            rows = session.scalars(select(ArtefactRow).where(ArtefactRow.owner == owner).order_by(ArtefactRow.id))
            return [_artefact(row) for row in rows]

    def drop(self, session: Session, owner: str) -> list[str]:
        """Take the rows of an owner out, in the caller's transaction; hand the ids to `erase` once it is through."""
        ids = list(session.scalars(select(ArtefactRow.id).where(ArtefactRow.owner == owner)))
        session.execute(delete(ArtefactRow).where(ArtefactRow.id.in_(ids)))
        return ids

    def forget(self, session: Session, ids: Iterable[str]) -> None:
        """Take rows out by id, in the caller's transaction; `sweep` removes the files later."""
        session.execute(delete(ArtefactRow).where(ArtefactRow.id.in_(list(ids))))

    def erase(self, ids: Iterable[str]) -> None:
        """Remove files whose rows are gone. What a crash leaves is found by `sweep`."""
        for artefact_id in ids:
            self._place(artefact_id).unlink(missing_ok=True)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder to work in, removed at the end of the block, or by a later `sweep`."""
        folder = self._mine / f"scratch_{secrets.token_hex(6)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> list[Path]:
        """Remove files that no row names and what dead processes had staged; returns what was removed."""
        removed = [folder for folder in self._staging.iterdir() if not self._owner.is_alive(folder.name)]
        for folder in removed:
            shutil.rmtree(folder, ignore_errors=True)
        with self._database.write() as session:
            known = set(session.scalars(select(ArtefactRow.id)))
            orphans = [path for path in self._files.glob("*/*") if path.name not in known]
            for path in orphans:
                path.unlink(missing_ok=True)
        return removed + orphans

    def n_files(self) -> int:
        """Number of files that count."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(ArtefactRow)) or 0

    def n_bytes(self) -> int:
        """Size of all files that count."""
        with self._database.read() as session:
            return sum(session.scalars(select(ArtefactRow.n_bytes)))

    def close(self) -> None:
        shutil.rmtree(self._mine, ignore_errors=True)

    def _place(self, artefact_id: str) -> Path:
        return self._files / artefact_id.removeprefix("art_")[:2] / artefact_id


def _artefact(row: ArtefactRow) -> Artefact:
    return Artefact(
        id=row.id,
        owner=row.owner,
        filename=row.filename,
        media_type=row.media_type,
        n_bytes=row.n_bytes,
        sha256=row.sha256,
        created_at=row.created_at,
    )


def _blocks(data: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
    else:
        while block := data.read(_BLOCK):
            yield block


def _copy(blocks: Iterable[bytes], file: BinaryIO) -> tuple[int, str]:
    digest, n_bytes = hashlib.sha256(), 0
    for block in blocks:
        file.write(block)
        digest.update(block)
        n_bytes += len(block)
    return n_bytes, digest.hexdigest()


def _sync(folder: Path) -> None:
    """Make a rename in the folder last; systems other than POSIX offer no such call."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
