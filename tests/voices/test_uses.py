"""Uses are counted beside the calls, and none is lost but with a process that is killed."""

import logging
import threading
import time
from pathlib import Path

import pytest

from locutor.storage.database import Database
from locutor.voices.library import NewClip, VoiceLibrary
from locutor.voices.record import VoiceRow
from locutor.voices.uses import UseCounts


@pytest.fixture
def ana(library: VoiceLibrary, clip: Path) -> str:
    return library.add([NewClip(audio=clip)], name="Ana").id


def test_uses_are_seen_a_moment_later(library: VoiceLibrary, ana: str) -> None:
    library.used([ana, "default"])
    library.used([ana])
    assert library.record(ana).usage_count == 0
    end = time.monotonic() + 10
    while library.record(ana).usage_count == 0 and time.monotonic() < end:
        time.sleep(0.05)
    record = library.record(ana)
    assert record.usage_count == 2 and record.last_used_at is not None and abs(record.last_used_at - time.time()) < 15


def test_closing_writes_the_rest(library: VoiceLibrary, ana: str) -> None:
    threads = [threading.Thread(target=lambda: [library.used([ana]) for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library.close()
    assert library.record(ana).usage_count == 400
    library.close()
    assert library.record(ana).usage_count == 400


def test_what_the_database_refuses_is_kept(
    library: VoiceLibrary, ana: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    uses = UseCounts(database)
    with database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE voices RENAME TO gone")
    with caplog.at_level(logging.WARNING):
        uses.add([ana])
        uses.write()
    assert "not written down yet" in caplog.text
    with database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE gone RENAME TO voices")
    uses.add([ana])
    uses.close()
    with database.read() as session:
        row = session.get(VoiceRow, ana)
    assert row is not None and row.usage_count == 2
