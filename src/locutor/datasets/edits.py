"""Decisions made by hand, kept whatever is built anew: other words, or whether a clip is in or out.

They are given to `edit_clip`, or made in metadata.csv of a built dataset: a line that was changed is a new text, a line
that was taken out is a clip that stays out.
"""

import hashlib
from dataclasses import dataclass

from locutor.audio.files import replacing
from locutor.datasets.dataset import Dataset
from locutor.datasets.manifest import Clip, Row, read_rows, write_rows
from locutor.errors import NotFoundError, OptionError, TextError

_SEEN = "metadata.sha256"


class Edit(Row):
    """text: what is said, None to leave it. keep: False drops the clip, True keeps it whatever its figures."""

    clip: str
    text: str | None = None
    keep: bool | None = None


@dataclass(frozen=True)
class Listed:
    """A line of metadata.csv."""

    file: str
    text: str


def read_edits(dataset: Dataset) -> dict[str, Edit]:
    """Clip id -> decision."""
    return {edit.clip: edit for edit in read_rows(dataset.edits, Edit)} if dataset.edits.is_file() else {}


def edit_clip(dataset: Dataset, clip_id: str, *, text: str | None = None, keep: bool | None = None) -> Edit:
    """Decide about a clip; what is None stays as it was decided before. It takes effect when the dataset is built.

    Raises NotFoundError for an id that no clip has, TextError for a text without words.
    """
    if clip_id not in {clip.id for clip in dataset.newest_clips()}:
        raise NotFoundError(f"no clip of dataset {dataset.name!r} is called {clip_id!r}")
    if text is not None and not any(char.isalnum() for char in text):
        raise TextError(f"a clip's text needs a word, which {text!r} has not")
    text = None if text is None else " ".join(text.split())
    collect_edits(dataset)
    edits = read_edits(dataset)
    _decide(edits, clip_id, text, keep)
    write_rows(dataset.edits, edits.values())
    return edits[clip_id]


def collect_edits(dataset: Dataset) -> int:
    """Take over what was changed in metadata.csv since it was built; returns how many decisions are new.

    A file that was looked at already is not looked at again, so a later decision about one of its clips holds.
    """
    if not (dataset.manifest.is_file() and dataset.metadata.is_file()):
        return 0
    seen, state = dataset.work(_SEEN), hashlib.sha256(dataset.metadata.read_bytes()).hexdigest()
    if seen.is_file() and seen.read_text() == state:
        return 0
    listed = {line.file: line.text for line in read_metadata(dataset)}
    edits = read_edits(dataset)
    before = dict(edits)
    for clip in read_rows(dataset.manifest, Clip):
        text = listed.get(wav_name(clip.id))
        if text == "" and clip.text:
            raise OptionError(
                f"{dataset.metadata} has no text for {wav_name(clip.id)}; write one, or take its line out"
            )
        if text != clip.text:
            _decide(edits, clip.id, text, False if text is None else None)
    if edits != before:
        write_rows(dataset.edits, edits.values())
    with replacing(seen) as file:
        file.write(state.encode())
    return sum(edits[clip_id] != before.get(clip_id) for clip_id in edits)


def read_metadata(dataset: Dataset) -> list[Listed]:
    """The lines of metadata.csv, each text on one line. Raises OptionError for one that is not `wavs/name.wav|text`.

    A text may be empty: clips kept by hand were once built without one.
    """
    found = []
    for number, line in enumerate(dataset.metadata.read_text(encoding="utf-8-sig").split("\n"), 1):
        name, bar, text = line.partition("|")
        if line.strip() and not bar:
            raise OptionError(f"{dataset.metadata}, line {number} is not `wavs/name.wav|text`: {line[:60]!r}")
        if line.strip():
            found.append(Listed(name.strip(), " ".join(text.split())))
    return found


def wav_name(clip_id: str) -> str:
    """Where the clip's sound lies in a built dataset."""
    return f"wavs/{clip_id}.wav"


def _decide(edits: dict[str, Edit], clip_id: str, text: str | None, keep: bool | None) -> None:
    before = edits.get(clip_id, Edit(clip=clip_id))
    edits[clip_id] = Edit(
        clip=clip_id, text=before.text if text is None else text, keep=before.keep if keep is None else keep
    )
