"""Recordings that a client sends: to disk in blocks, looked at before anything is done with them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import UploadFile

from locutor.api.deps import Context
from locutor.audio import io
from locutor.errors import AudioError
from locutor.storage.artefacts import Staged

_MIME_TYPE = "application/octet-stream"  # what the client says of it is not believed
MAX_UPLOAD_S = 600.0
TRANSCRIPTS = (".txt", ".lab", ".srt", ".vtt", ".csv")


@contextmanager
def staged(served: Context, uploads: Sequence[UploadFile], transcripts: bool = False) -> Iterator[list[Staged]]:
    """Recordings on disk, to be committed in the block; those that are not are thrown away.

    transcripts: files named as TRANSCRIPTS may be among them. Raises AudioError for one that is no audio or longer than
    10 minutes.
    """
    artefacts, files = served.stores.artefacts, []
    try:
        for upload in uploads:
            files.append(artefacts.stage(upload.file, filename=_shown(upload), media_type=_MIME_TYPE))
            if not (transcripts and _shown(upload).lower().endswith(TRANSCRIPTS)):
                _look_at(files[-1].path, _shown(upload))
        yield files
    finally:
        artefacts.discard(files)


@contextmanager
def scratch_file(served: Context, upload: UploadFile) -> Iterator[Path]:
    """An upload as a file that is removed afterwards; raises as staged."""
    with served.stores.artefacts.scratch() as folder:
        path = folder / "upload"  # the client's name is never one of ours
        with path.open("wb") as file:
            while block := upload.file.read(1 << 20):
                file.write(block)
        _look_at(path, _shown(upload))
        yield path


def _look_at(path: Path, name: str) -> None:
    try:
        found = io.probe(path)
    except AudioError as error:
        raise AudioError(str(error).replace(str(path), name)) from error
    if found.duration_s > MAX_UPLOAD_S:
        raise AudioError(f"{name} lasts {found.duration_s:.0f} s; at most {MAX_UPLOAD_S:g} s are taken")


def _shown(upload: UploadFile) -> str:
    """The client's name for the file, fit for a message and a download; never a path."""
    name = (upload.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isprintable())[:120].strip(". ") or "recording"
