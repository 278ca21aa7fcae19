"""What is remembered is forgotten as soon as anybody writes."""

import sqlite3
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from locutor.storage.database import Database
from locutor.storage.memo import CAPACITY, Memo


class Reading:
    """Reads the profile of an engine, and counts how often."""

    def __init__(self, database: Database) -> None:
        self._database, self.n_reads = database, 0

    def __call__(self, engine: str) -> str | None:
        self.n_reads += 1
        with self._database.read() as session:
            query = text("SELECT profile_id FROM default_profiles WHERE engine = :e")
            return session.scalar(query, {"e": engine})


@pytest.fixture
def reading(database: Database) -> Reading:
    return Reading(database)


def write(database: Database, engine: str, profile: str) -> None:
    with database.write() as session:
        session.execute(text("INSERT OR REPLACE INTO default_profiles VALUES (:e, :p)"), {"e": engine, "p": profile})


def test_it_reads_once_until_somebody_writes(database: Database, reading: Reading) -> None:
    memo = Memo(database, reading)
    assert [memo.get("f5"), memo.get("f5"), memo.get("xtts")] == [None, None, None] and reading.n_reads == 2
    write(database, "f5", "mine")
    assert [memo.get("f5"), memo.get("f5"), memo.get("xtts")] == ["mine", "mine", None] and reading.n_reads == 4


def test_another_process_is_noticed(database: Database, reading: Reading) -> None:
    memo = Memo(database, reading)
    assert memo.get("f5") is None
    other = sqlite3.connect(database.path)
    with other:
        other.execute("INSERT INTO default_profiles VALUES ('f5', 'theirs')")
    other.close()
    assert memo.get("f5") == "theirs"


def test_looking_for_work_costs_nothing(database: Database, reading: Reading) -> None:
    memo = Memo(database, reading)
    memo.get("f5")
    with database.write() as session:
        session.execute(text("SELECT id FROM jobs"))
    memo.get("f5")
    assert reading.n_reads == 1


def test_it_does_not_grow_for_ever(database: Database, reading: Reading) -> None:
    memo = Memo(database, reading)
    for i in range(CAPACITY + 1):
        memo.get(f"engine{i}")
    memo.get("engine0")
    assert reading.n_reads == CAPACITY + 2


@pytest.fixture
def writing(database: Database) -> Iterator[threading.Event]:
    """Somebody writes higher and higher numbers, until the event is set."""
    stop = threading.Event()

    def run() -> None:
        for n in range(10_000):
            if stop.is_set():
                return
            write(database, "n", str(n))

    thread = threading.Thread(target=run)
    thread.start()
    yield stop
    stop.set()
    thread.join()


def test_nobody_sees_what_is_older_than_what_was_seen(
    database: Database, reading: Reading, writing: threading.Event
) -> None:
    memo, seen = Memo(database, reading), []

    def look() -> None:
        mine = [int(memo.get("n") or -1) for _ in range(200)]
        seen.append(mine == sorted(mine))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "y"])), max_size=12))
def test_it_says_what_reading_says(database: Database, reading: Reading, doings: list[tuple[str, str]]) -> None:
    memo = Memo(database, reading)
    for engine, profile in doings:
        if profile:
            write(database, engine, profile)
        assert memo.get(engine) == reading(engine)
