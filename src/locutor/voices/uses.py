"""How often voices are used: counted in memory, so that no call waits for the disk, and written down a moment later."""

import logging
import threading
from collections.abc import Sequence

from sqlalchemy import update

from locutor.errors import StorageError
from locutor.storage.database import Database, now
from locutor.voices.record import VoiceRow

WRITTEN_AFTER_S = 1.0

_log = logging.getLogger(__name__)


class UseCounts:
    """Safe to share between threads. Only a process that is killed loses what it counted in its last second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[int, float]] = {}  # voice -> uses, and when the last one was
        self._timer: threading.Timer | None = None

    def add(self, voice_ids: Sequence[str]) -> None:
        """One use of each; ids that are not the library's are passed over when the counts are written."""
        with self._lock:
            self._merge({voice_id: (1, now()) for voice_id in voice_ids})
            if self._timer is None:
                self._timer = threading.Timer(WRITTEN_AFTER_S, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write down what was counted; what the database refuses is kept for the next time."""
        with self._lock:
            counted, self._counted, self._timer = self._counted, {}, None
        try:
            with self._database.write() as session:
                for voice_id, (n, at) in counted.items():
                    count = {"usage_count": VoiceRow.usage_count + n, "last_used_at": at}
                    session.execute(update(VoiceRow).where(VoiceRow.id == voice_id).values(count))
        except StorageError as error:
            _log.warning("uses of voices are not written down yet: %s", error)
            with self._lock:
                self._merge(counted)

    def close(self) -> None:
        """Write the rest down."""
        with self._lock:
            timer = self._timer
        if timer is not None:
            timer.cancel()
            timer.join()  # it may be writing just now
        if self._counted:
            self.write()

    def _merge(self, counted: dict[str, tuple[int, float]]) -> None:
        for voice_id, (n, at) in counted.items():
            before, last = self._counted.get(voice_id, (0, at))
            self._counted[voice_id] = before + n, max(last, at)
