"""First step: recordings into the dataset, each decoded once, with what is known of their words."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from locutor.audio import io
from locutor.audio.damage import missing_share
from locutor.datasets.dataset import Dataset
from locutor.datasets.manifest import Source, write_rows
from locutor.datasets.memo import Memo, key_of
from locutor.datasets.transcripts import Given, recordings
from locutor.datasets.watch import UNWATCHED, Watch
from locutor.errors import AudioError, LocutorError, MissingExtraError, StorageError
from locutor.types import Waveform

MAX_SOURCE_S = 3 * 3600.0  # a recording is held in memory while it is cut up: 2 GB for three hours at 48 kHz
_VERSION = 1


def import_recordings(
    dataset: Dataset, places: Sequence[Path], *, speaker: str = "", watch: Watch = UNWATCHED
) -> list[Source]:
    """Copy what transcripts.recordings finds in each place into the dataset; earlier imports stay.

    A recording whose sound is there already is not imported again: a newer transcript of it replaces the older. One
    that cannot be used becomes a source with an `error`. Raises NotFoundError for a place with no recordings,
    MissingExtraError for a format that needs PyAV, StorageError, CancelledError.
    """
    given = [one for place in places for one in recordings(place, speaker)]
    path = dataset.rows_of("import")
    before = dataset.sources() if path.is_file() else []
    with Memo(dataset.work("import.memo.jsonl"), Source) as memo:
        found = [_imported(dataset, one, memo) for one in watch.each("import", given)]
        for source in before:  # a memo forgets what nobody asks for
            memo.get(_key(source.file_sha256))
    sources = _merged(before, found)
    write_rows(path, sources)
    return sources


def _imported(dataset: Dataset, given: Given, memo: Memo[Source]) -> Source:
    """The source of a recording; the sound is decoded only if a file of these bytes never was."""
    if given.error:
        return _failed(given, "", given.error)
    sha256 = _sha256(given.path)
    known = memo.get(_key(sha256))
    source = known[0] if known else None
    if source is None or source.error or not (dataset.folder / str(source.file)).is_file():
        source = _decoded(dataset, given, sha256)
        memo.put(_key(sha256), [source])
    about = {
        "origin": _origin(given),
        "name": given.name,
        "text": given.text,
        "cues": given.cues,
        "speaker": given.speaker,
    }
    return source.model_copy(update=about)


def _decoded(dataset: Dataset, given: Given, sha256: str) -> Source:
    try:
        waveform = _read_whole(given.path)
        samples = np.rint(np.clip(waveform.samples * 32768.0, -32768, 32767)).astype("<i2")
        sound = hashlib.sha256(samples.tobytes()).hexdigest()[:10]
        # The same sound under another name stays the source it was, so that decisions about its clips hold.
        same = next(dataset.raw.glob(f"*-{sound}.flac"), None)
        source_id = same.stem if same else f"{_slug(given.path.stem)}-{sound}"
        if same is None:
            _store(dataset.raw / f"{source_id}.flac", waveform, given.path.name)
    except (MissingExtraError, StorageError):
        raise
    except LocutorError as error:
        return _failed(given, sha256, str(error))
    return Source(
        id=source_id,
        name=given.name,
        file=f"raw/{source_id}.flac",
        file_sha256=sha256,
        sample_rate=waveform.sample_rate,
        duration_s=waveform.duration_s,
    )


def _read_whole(path: Path) -> Waveform:
    """The audio of a file, refused when a part of the file is missing."""
    missing = missing_share(path)
    if missing > 0:
        raise AudioError(f"{path.name} is cut off: {missing:.0%} of the sound that its header promises is missing")
    return io.read(path, max_s=MAX_SOURCE_S)


def _store(path: Path, waveform: Waveform, name: str) -> None:
    try:
        io.write(path, waveform)
    except soundfile.LibsndfileError as error:  # encoded in memory, so no disk is to blame: FLAC takes no such rate
        rate = waveform.sample_rate
        raise AudioError(f"{name} cannot be kept at the {rate} Hz that its header tells; is it damaged?") from error


def _failed(given: Given, sha256: str, error: str) -> Source:
    source_id = f"{_slug(given.path.stem)}-{key_of(given.name, sha256)[:10]}"
    return Source(
        id=source_id,
        name=given.name,
        file_sha256=sha256,
        origin=_origin(given),
        speaker=given.speaker,
        error=error,
    )


def _merged(before: list[Source], found: list[Source]) -> list[Source]:
    """One source for each sound and each failed file, the newest row of it, in the order of their names.

    A file that was changed since it was imported takes the place of what it was.
    """
    places = {source.origin for source in found}
    rows = {source.id: source for source in (*(s for s in before if s.origin not in places), *found)}
    return sorted(rows.values(), key=lambda source: (source.name, source.id))


def _origin(given: Given) -> str:
    return key_of(str(given.path.resolve()))[:12]


def _key(sha256: str) -> str:
    return key_of("import", _VERSION, sha256)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _slug(stem: str) -> str:
    """A file name's letters and digits, fit for every disk."""
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:40] or "clip"
