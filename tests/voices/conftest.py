from collections.abc import Iterator
from pathlib import Path

import pytest

from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database
from locutor.storage.owner import Owner
from locutor.voices.library import VoiceLibrary
from locutor.voices.store import VoiceStore

CLIPS = Path(__file__).parents[1] / "clips"


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


@pytest.fixture
def library(tmp_path: Path, database: Database, artefacts: ArtefactStore) -> VoiceLibrary:
    """A library without models that listen: the share of speech is judged by energy."""
    return VoiceLibrary(database, artefacts, VoiceStore(tmp_path))


@pytest.fixture
def clip() -> Path:
    """A good recording, 8.8 s of a woman's synthetic voice."""
    return CLIPS / "voice_02.ogg"
