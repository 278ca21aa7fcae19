"""Files that count, files that do not yet, and files nobody owns."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from locutor.errors import NotFoundError, StorageError
from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database
from locutor.storage.owner import Owner


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "artefacts").rglob("*") if p.is_file())


def test_put_and_read_back(artefacts: ArtefactStore) -> None:
    made = artefacts.put(io.BytesIO(b"x" * 3_000_000), filename="a.wav", media_type="audio/wav", owner="job:1")
    assert (made.n_bytes, made.sha256) == (3_000_000, hashlib.sha256(b"x" * 3_000_000).hexdigest())
    assert artefacts.get(made.id) == made and artefacts.owned_by("job:1") == [made]
    assert artefacts.path(made.id).read_bytes() == b"x" * 3_000_000
    assert "a.wav" not in str(artefacts.path(made.id))


@pytest.mark.parametrize("wrong", ["art_nothing", "../../etc/passwd", "", "art_", "a/b"])
def test_ids_are_looked_up_never_opened(artefacts: ArtefactStore, wrong: str) -> None:
    for ask in (artefacts.get, artefacts.path):
        with pytest.raises(NotFoundError, match="there is no file"):
            ask(wrong)


def test_a_staged_file_does_not_count(artefacts: ArtefactStore, tmp_path: Path) -> None:
    staged = artefacts.stage(b"hello", filename="a", media_type="text/plain")
    assert staged.path.read_bytes() == b"hello" and files(tmp_path) == []
    with pytest.raises(NotFoundError):
        artefacts.get(staged.id)
    artefacts.discard([staged])
    assert not staged.path.exists()


def test_a_transaction_that_fails_leaves_an_orphan_that_is_swept(
    artefacts: ArtefactStore, database: Database, tmp_path: Path
) -> None:
    kept = artefacts.put(b"kept", filename="k", media_type="text/plain", owner="job:1")
    staged = artefacts.stage(b"hello", filename="a", media_type="text/plain")
    with pytest.raises(KeyError), database.write() as session:
        artefacts.commit(session, staged, "job:2")
        raise KeyError
    assert files(tmp_path) == sorted([kept.id, staged.id])
    assert [path.name for path in artefacts.sweep()] == [staged.id]
    assert files(tmp_path) == [kept.id] and artefacts.sweep() == []


def test_drop_and_erase(artefacts: ArtefactStore, database: Database, tmp_path: Path) -> None:
    made = artefacts.put(b"x", filename="a", media_type="text/plain", owner="job:1")
    with database.write() as session:
        ids = artefacts.drop(session, "job:1")
    assert ids == [made.id] and files(tmp_path) == [made.id]
    artefacts.erase(ids)
    assert files(tmp_path) == [] and artefacts.n_bytes() == 0


def test_a_full_disk_leaves_nothing(artefacts: ArtefactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"cannot store a\.wav: No space left"):
        artefacts.stage(Full(), filename="a.wav", media_type="audio/wav")
    assert [p for p in (tmp_path / "staging").rglob("*") if p.is_file()] == []


def test_what_a_dead_process_staged_is_swept(artefacts: ArtefactStore, database: Database, tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database
from locutor.storage.owner import Owner
folder = Path({str(tmp_path)!r})
store = ArtefactStore(folder, Database(folder / "locutor.db"), Owner(folder / "processes"))
store.stage(b"half", filename="a", media_type="text/plain")
print(store._owner.token, flush=True)
os.kill(os.getpid(), 9)
"""
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    token = died.stdout.strip()
    assert died.returncode == -9 and (tmp_path / "staging" / token).is_dir()
    mine = artefacts.stage(b"mine", filename="b", media_type="text/plain")
    assert [path.name for path in artefacts.sweep()] == [token]
    assert mine.path.exists()


def test_owners_know_who_lives(owner: Owner, tmp_path: Path) -> None:
    other = Owner(tmp_path / "processes")
    assert owner.is_alive(other.token) and owner.is_alive(owner.token) and owner.others() == [other.token]
    other.close()
    assert not owner.is_alive(other.token) and not owner.is_alive("nobody") and owner.others() == []


def test_a_scratch_folder_is_removed(artefacts: ArtefactStore) -> None:
    with artefacts.scratch() as folder:
        (folder / "x").write_text("x")
    assert not folder.exists()
