"""The one database: SQLite in WAL mode through SQLAlchemy, brought up to date by alembic when it is opened.

Times in it are Unix times in seconds. Tables belong to the packages that use them (jobs, voices, profiles, auth);
the migrations in `storage/migrations/versions` create them all.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from locutor.errors import StorageError

DATABASE_NAME = "locutor.db"
BUSY_TIMEOUT_S = 15
_BEGIN = "locutor_begin"


class Base(DeclarativeBase):
    """Declarative base of every table."""


def now() -> float:
    """Unix time in seconds, as the tables hold it."""
    return time.time()


class Database:
    """A database file; safe to share between threads, and other processes may have the same file open."""

    def __init__(self, path: Path) -> None:
        """Open or create, and migrate to the newest version.

        Raises StorageError when the file cannot be opened, is no database, or was written by a newer Locutor.
        """
        self.path = path
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._migrate()
            # Its number is of one connection alone, which must never write.
            self._watch = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        except (OSError, DatabaseError) as error:
            self.close()
            raise StorageError(f"cannot open the database {path}: {_reason(error)}") from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database; what is changed in it is not kept.

        Raises StorageError when the file can no longer be read.
        """
        with self._refusals(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that holds the write lock from its start: kept when the block ends, undone when it raises.

        Raises StorageError when another process holds the lock for BUSY_TIMEOUT_S, or the disk refuses.
        """
        with self._refusals(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            session.connection()  # takes the lock now, so that what is read is still true when it is changed
            yield session

    def version(self) -> int:
        """A number that is another one after every change, whoever made it; asking takes a few microseconds."""
        assert self._watch is not None
        with self._watching, closing(self._watch.execute("PRAGMA data_version")) as found:
            return int(found.fetchone()[0])

    def close(self) -> None:
        self._engine.dispose()
        if self._watch is not None:
            self._watch.close()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            if type(error) not in (DatabaseError, OperationalError):  # a constraint that does not hold is our bug
                raise
            raise StorageError(f"the database {self.path} refuses: {_reason(error)}") from error

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        with self._writer.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "heads")
            except CommandError as error:
                raise StorageError(f"{self.path} was written by a newer Locutor ({error}); update Locutor") from error


def _configure(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, see _begin
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
