"""A voice as one file: a zip with voice.json and the recordings, to move between installations.

A bundle comes from somebody else, so nothing in it is trusted: entries are read by the names that voice.json gives
and never unpacked to disk, their number and their sizes are limited before and while they are read, and recordings
are examined again. Not covered: blends, which only name other voices.
"""

import hashlib
import json
import lzma
import zipfile
import zlib
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from locutor.errors import LocutorError, OptionError
from locutor.voices.joined import joined_transcript
from locutor.voices.library import MAX_CLIPS, NewClip, VoiceLibrary
from locutor.voices.record import Consent, VoiceRecord

FORMAT = "locutor-voice"
CARD = "voice.json"
MAX_CARD_BYTES = 64 * 1024
MAX_CLIP_BYTES = 32 * 1024 * 1024
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
_BLOCK = 1 << 16
# What zipfile lets through: of the zip itself, of each way to compress, of names that are no UTF-8 (ValueError), of
# entries that are encrypted or packed in a way that it does not know (RuntimeError). OSError is bzip2's word for bytes
# that it did not make; it and OverflowError also come of places that no file has.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, OverflowError, RuntimeError, ValueError)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Clip(_Strict):
    """file: name of the entry; sha256 binds the transcript to it."""

    file: str = Field(max_length=80)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    transcript: str | None = None


class _Consent(_Strict):
    permission: str
    given_by: str
    confirmed_at: float
    note: str = ""


class _Card(_Strict):
    format: str
    version: int
    name: str
    description: str = ""
    language: str | None = None
    licence: str | None = None
    consent: _Consent | None = None
    clips: list[_Clip] = Field(min_length=1, max_length=MAX_CLIPS)
    ref_text: str | None = None  # of all together, where it is not what the clips give


def write_bundle(library: VoiceLibrary, voice: str, file: IO[bytes]) -> VoiceRecord:
    """Write the bundle of a voice of the library. Raises NotFoundError, OptionError for a blend."""
    record = library.record(voice)
    if record.blend:
        raise OptionError(f"{record.name!r} is a blend and has no recordings of its own; export its parts")
    texts = _transcripts(record)
    clips = [
        {"file": f"clip-{i}.flac", "sha256": clip.audio_sha256, "transcript": text}
        for i, (clip, text) in enumerate(zip(record.clips, texts, strict=True), start=1)
    ]
    card: dict[str, Any] = {"format": FORMAT, "version": 1}
    card |= {name: getattr(record, name) for name in ("name", "description", "language", "licence")}
    card |= {"consent": None if record.consent is None else asdict(record.consent), "clips": clips}
    given = joined_transcript([clip.report["duration_s"] for clip in record.clips], texts)
    if (record.ref_text or "") != (given or ""):
        card["ref_text"] = record.ref_text  # nowhere else: older installations refuse keys that they do not know
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(CARD, json.dumps(card, ensure_ascii=False, indent=1))
        for entry, clip in zip(clips, record.clips, strict=True):
            archive.write(library.artefacts.path(clip.artefact), str(entry["file"]))
    return record


def _transcripts(record: VoiceRecord) -> list[str | None]:
    """What is said in each clip. The voice's own text is the newer one where it has but one clip."""
    if len(record.clips) == 1:
        return [record.ref_text or None]
    return [clip.transcript for clip in record.clips]


def read_bundle(library: VoiceLibrary, file: IO[bytes] | Path, name: str | None = None) -> VoiceRecord:
    """Add the voice of a bundle to the library, under its own name or another.

    Raises OptionError for a file that is no bundle, damaged, too large, or of a name that is taken (ConflictError),
    AudioError for recordings that no voice can be made of.
    """
    with open(file, "rb") if isinstance(file, Path) else nullcontext(file) as opened:
        card, clips = _read_all(opened)
    consent = None if card.consent is None else Consent(**card.consent.model_dump())
    return library.add(
        clips, name=name or card.name, description=card.description, language=card.language, licence=card.licence,
        consent=consent, ref_text=card.ref_text,
    )  # fmt: skip


def _read_all(file: IO[bytes]) -> tuple[_Card, list[NewClip]]:
    try:
        with zipfile.ZipFile(file) as archive:
            card = _read_card(archive)
            return card, [NewClip(audio=_read_clip(archive, c), transcript=c.transcript) for c in card.clips]
    except LocutorError:  # some are ValueErrors too
        raise
    except _DAMAGED as error:
        raise OptionError(f"this is not a voice bundle, or it is damaged: {error}") from error


def _read_card(archive: zipfile.ZipFile) -> _Card:
    entries = archive.infolist()
    if len(entries) > MAX_CLIPS + 1:
        raise OptionError(f"a voice bundle has at most {MAX_CLIPS + 1} files, not {len(entries)}")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_BUNDLE_BYTES:
        raise OptionError(f"a voice bundle holds at most {MAX_BUNDLE_BYTES >> 20} MiB, not {total >> 20}")
    try:
        card = _Card.model_validate_json(_read(archive, CARD, MAX_CARD_BYTES))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or CARD
        raise OptionError(f"the bundle's {CARD} is wrong at {where}: {problem['msg']}") from error
    if (card.format, card.version) != (FORMAT, 1):
        raise OptionError(f"this is {card.format!r} version {card.version}, not {FORMAT!r} version 1")
    return card


def _read_clip(archive: zipfile.ZipFile, clip: _Clip) -> bytes:
    data = _read(archive, clip.file, MAX_CLIP_BYTES)
    if hashlib.sha256(data).hexdigest() != clip.sha256:
        raise OptionError(f"{clip.file} in the bundle is not the recording that its card describes")
    return data


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """An entry's bytes; what it unpacks to is counted, whatever its header says."""
    if name not in archive.NameToInfo:
        raise OptionError(f"the bundle holds no {name}")
    data = bytearray()
    with archive.open(name) as entry:
        while block := entry.read(_BLOCK):
            data += block
            if len(data) > limit:
                raise OptionError(f"{name} in the bundle is larger than {limit >> 10} KiB")
    return bytes(data)
