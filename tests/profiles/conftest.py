from collections.abc import Iterator
from pathlib import Path

import pytest

from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database
from locutor.storage.owner import Owner


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    owner = Owner(tmp_path / "processes")
    yield owner
    owner.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "locutor.db")
    yield database
    database.close()


@pytest.fixture
def artefacts(tmp_path: Path, database: Database, owner: Owner) -> Iterator[ArtefactStore]:
    store = ArtefactStore(tmp_path, database, owner)
    yield store
    store.close()
