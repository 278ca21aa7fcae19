"""The database: made, migrated, locked, refused."""

import importlib
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from locutor.errors import StorageError
from locutor.storage.database import Base, Database

SOURCES = Path(__file__).parents[2] / "src"


def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    with_tables = [p for p in (SOURCES / "locutor").rglob("*.py") if "(Base):" in p.read_text(encoding="utf-8")]
    for path in with_tables:
        importlib.import_module(".".join(path.relative_to(SOURCES).with_suffix("").parts))
    assert len(with_tables) >= 4
    engine = create_engine(f"sqlite:///{database.path}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert differences == []


def test_it_is_in_wal_mode_and_survives_a_power_cut(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(KeyError), database.write() as session:
        session.execute(text("INSERT INTO default_profiles VALUES ('f5', 'x')"))
        raise KeyError
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM default_profiles")) == 0


def test_what_a_read_changes_is_not_kept(database: Database) -> None:
    with database.read() as session:
        session.execute(text("INSERT INTO default_profiles VALUES ('f5', 'x')"))
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM default_profiles")) == 0


def test_what_the_file_refuses_is_told_and_what_is_our_bug_is_not(database: Database) -> None:
    for session_of in (database.read, database.write):
        with pytest.raises(StorageError, match="refuses: no such table"), session_of() as session:
            session.execute(text("SELECT * FROM nowhere"))
        with pytest.raises(IntegrityError), session_of() as session:
            session.execute(text("INSERT INTO default_profiles VALUES ('f5', NULL)"))


def test_concurrent_increments_are_all_counted(database: Database) -> None:
    with database.write() as session:
        session.execute(text("INSERT INTO default_profiles VALUES ('n', '0')"))

    def add() -> None:
        for _ in range(10):
            with database.write() as session:
                n = int(session.scalar(text("SELECT profile_id FROM default_profiles")) or 0)
                session.execute(text("UPDATE default_profiles SET profile_id = :n"), {"n": str(n + 1)})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalar(text("SELECT profile_id FROM default_profiles")) == "40"


def test_opening_twice_migrates_once(tmp_path: Path, database: Database) -> None:
    again = Database(database.path)
    with again.read() as session:
        assert session.scalar(text("SELECT count(*) FROM alembic_version")) >= 1
    again.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database, but longer than a header would be" * 20)
    with pytest.raises(StorageError, match=r"cannot open the database .*x\.db: file is not a database"):
        Database(tmp_path / "x.db")


def test_a_database_of_a_newer_locutor(database: Database) -> None:
    with sqlite3.connect(database.path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StorageError, match="newer Locutor"):
        Database(database.path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot open the database"):
        Database(tmp_path / "file" / "locutor.db")
