"""Answers of the database that are asked for with every call, kept for as long as nothing is written to it."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from locutor.storage.database import Database

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

CAPACITY = 256


class Memo(Generic[K, T]):
    """What `read` gives for a key. A write by anybody, in this process or another, makes it read again; what read
    raises is not kept. Safe to share between threads."""

    def __init__(self, database: Database, read: Callable[[K], T]) -> None:
        self._database, self._read = database, read
        self._lock = threading.Lock()
        self._version = -1
        self._known: dict[K, T] = {}

    def get(self, key: K) -> T:
        version = self._database.version()
        with self._lock:
            if version != self._version or len(self._known) >= CAPACITY:
                self._version, self._known = version, {}
            known = self._known
            if key in known:
                return known[key]
        known[key] = found = self._read(key)  # where somebody writes meanwhile, `known` is forgotten at the next call
        return found
