"""Bundles travel whole, and those that were tampered with are refused."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from locutor.errors import AudioError, ConflictError, OptionError, TextError
from locutor.storage.database import Database
from locutor.voices.bundle import read_bundle, write_bundle
from locutor.voices.library import NewClip, VoiceLibrary
from locutor.voices.record import Consent, VoiceRecord, VoiceRow


@pytest.fixture
def bundle(library: VoiceLibrary, clip: Path) -> io.BytesIO:
    consent = Consent(permission="synthetic", given_by="the tests", confirmed_at=1.0)
    clips = [NewClip(audio=clip, transcript="one"), NewClip(audio=clip)]
    library.add(clips, name="Ana", description="d", language="en", licence="CC0-1.0", consent=consent)
    file = io.BytesIO()
    write_bundle(library, "Ana", file)
    return file


def changed(bundle: io.BytesIO, card: dict[str, Any] | bytes | None = None, **files: bytes) -> io.BytesIO:
    """The bundle with keys of its card or whole files replaced; "__" in a name stands for "."."""
    made = io.BytesIO()
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        content = {name: old.read(name) for name in old.namelist()}
        if isinstance(card, dict):
            content["voice.json"] = json.dumps(json.loads(content["voice.json"]) | card).encode()
        elif card is not None:
            content["voice.json"] = card
        for name, data in (content | {n.replace("__", "."): d for n, d in files.items()}).items():
            new.writestr(name, data)
    return made


def test_there_and_back(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    before = library.remove("Ana")
    after = read_bundle(library, bundle)
    for name in ("name", "description", "language", "licence", "consent", "ref_text", "duration_s"):
        assert getattr(after, name) == getattr(before, name)
    assert [(c.transcript, c.audio_sha256) for c in after.clips] == [
        (c.transcript, c.audio_sha256) for c in before.clips
    ]
    with pytest.raises(ConflictError, match="is called 'Ana' already"):
        read_bundle(library, bundle)
    assert read_bundle(library, bundle, "Other").name == "Other"


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"clips": []}, r"wrong at clips"),
        ({"extra": 1}, "wrong at extra"),
        ({"format": "other"}, "'other' version 1, not"),
        ({"version": 2}, "version 2, not"),
        ({"clips": [{"file": "../../etc/passwd", "sha256": "0" * 64}]}, r"holds no \.\./\.\./etc/passwd"),
        ({"clips": [{"file": "/etc/passwd", "sha256": "0" * 64}]}, "holds no /etc/passwd"),
        ({"clips": [{"file": "clip-1.flac", "sha256": "0" * 64}]}, "is not the recording that its card describes"),
        ({"name": "a\nb"}, "a voice's name"),
        (
            {"name": "B", "consent": {"permission": "stolen", "given_by": "x", "confirmed_at": 0}},
            "permission must be one of",
        ),
        (b"not json", "wrong at voice.json"),
        (b"{}" + b" " * 70_000, "larger than 64 KiB"),
    ],
)
def test_cards_that_lie(library: VoiceLibrary, bundle: io.BytesIO, card: Any, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        read_bundle(library, changed(bundle, card))
    assert len(library.records()) == 1


def test_bombs(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    with pytest.raises(OptionError, match="at most 64 MiB, not"):
        read_bundle(library, changed(bundle, big=bytes(70 << 20)))
    with pytest.raises(OptionError, match="at most 11 files"):
        read_bundle(library, changed(bundle, **{f"f{i}": b"" for i in range(12)}))
    with pytest.raises(OptionError, match="larger than 32768 KiB"):
        read_bundle(library, changed(bundle, clip__1=b"", **{"clip-1__flac": bytes(33 << 20)}))


def test_a_header_that_lies_about_its_size(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    """The sizes in the directory say 10 bytes; what unpacks is 40 MiB."""
    bomb = bytearray(changed(bundle, **{"clip-1__flac": bytes(40 << 20)}).getvalue())
    size = (40 << 20).to_bytes(4, "little")
    while (at := bomb.find(size)) >= 0:
        bomb[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(OptionError):
        read_bundle(library, io.BytesIO(bytes(bomb)))


def test_other_files(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    for data in (b"", b"no zip", bundle.getvalue()[:-40], bundle.getvalue()[:200]):
        with pytest.raises(OptionError, match="not a voice bundle"):
            read_bundle(library, io.BytesIO(data))
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(OptionError, match="holds no voice.json"):
        read_bundle(library, empty)


def test_recordings_are_examined_again(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    import hashlib

    silly = b"RIFF no audio"
    card = {"name": "B", "clips": [{"file": "clip-1.flac", "sha256": hashlib.sha256(silly).hexdigest()}]}
    with pytest.raises(AudioError):
        read_bundle(library, changed(bundle, card, **{"clip-1__flac": silly}))


def test_a_blend_has_no_bundle(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    library.blend([("Ana", 1), ("default", 1)], name="Mix")
    with pytest.raises(OptionError, match="is a blend"):
        write_bundle(library, "Mix", io.BytesIO())


def card_of(bundle: io.BytesIO) -> Any:
    with zipfile.ZipFile(bundle) as archive:
        return json.loads(archive.read("voice.json"))


def carried(library: VoiceLibrary, voice: str) -> tuple[Any, VoiceRecord]:
    """A voice's card, and the voice after it was exported, removed and imported."""
    file = io.BytesIO()
    write_bundle(library, voice, file)
    library.remove(voice)
    return card_of(file), read_bundle(library, file)


@pytest.mark.parametrize("before", [None, "wrong"])
@pytest.mark.parametrize(("text", "after"), [("what is said", "what is said"), ("", None)])
def test_a_corrected_transcript_travels(
    library: VoiceLibrary, clip: Path, before: str | None, text: str, after: str | None
) -> None:
    library.add([NewClip(audio=clip, transcript=before)], name="Rui")
    library.update("Rui", ref_text=text)
    card, voice = carried(library, "Rui")
    assert voice.ref_text == after and [c.transcript for c in voice.clips] == [after]
    assert "ref_text" not in card, "older installations refuse keys that they do not know"


@pytest.mark.parametrize(
    ("second", "text", "written"),
    [
        ("two", "one, and two", "one, and two"),
        (None, "one, and two", "one, and two"),
        ("two", "", ""),
        (None, "", None),
    ],
)
def test_a_corrected_transcript_of_several_recordings_travels(
    library: VoiceLibrary, clip: Path, second: str | None, text: str, written: str | None
) -> None:
    library.add([NewClip(audio=clip, transcript="one"), NewClip(audio=clip, transcript=second)], name="Rui")
    library.update("Rui", ref_text=text)
    card, voice = carried(library, "Rui")
    assert voice.ref_text == card.get("ref_text") == written
    assert [c.transcript for c in voice.clips] == ["one", second]


def test_a_transcript_that_the_recordings_give_is_not_written_twice(library: VoiceLibrary, clip: Path) -> None:
    library.add([NewClip(audio=clip, transcript="one"), NewClip(audio=clip, transcript="two")], name="Rui")
    card, voice = carried(library, "Rui")
    assert "ref_text" not in card and voice.ref_text == "one two"


def test_a_transcript_corrected_before_clips_were_corrected_too(
    library: VoiceLibrary, clip: Path, database: Database
) -> None:
    made = library.add([NewClip(audio=clip, transcript="wrong")], name="Rui")
    with database.write() as session:
        session.execute(update(VoiceRow).where(VoiceRow.id == made.id).values(ref_text="right"))
    card, voice = carried(library, "Rui")
    assert voice.ref_text == voice.clips[0].transcript == card["clips"][0]["transcript"] == "right"


def test_a_transcript_of_the_bundle_that_is_too_long(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    with pytest.raises(TextError, match="at most 2000 characters, not 2001"):
        read_bundle(library, changed(bundle, {"ref_text": "x" * 2001}), "Other")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_damaged_bytes(library: VoiceLibrary, bundle: io.BytesIO, method: int, on_disk: bool, tmp_path: Path) -> None:
    """Whatever byte is wrong, and however the bundle is packed."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        archive.writestr("voice.json", json.dumps(card_of(bundle)))
    data = whole.getvalue()
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        file: Any = io.BytesIO(bytes(damaged))
        if on_disk:
            file = tmp_path / "bundle.zip"
            file.write_bytes(damaged)
        with pytest.raises(OptionError):
            read_bundle(library, file, "Other")


def test_a_damaged_deflated_bundle_says_so(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    damaged = bytearray(changed(bundle).getvalue())
    start = damaged.index(b"voice.json") + len("voice.json")
    damaged[start : start + 8] = b"\xff" * 8
    with pytest.raises(OptionError, match="this is not a voice bundle, or it is damaged: Error -3"):
        read_bundle(library, io.BytesIO(bytes(damaged)), "Other")


def test_a_place_that_no_file_has(library: VoiceLibrary, bundle: io.BytesIO) -> None:
    """Zip's header of 64 bits can say that an entry lies at 2**64 - 1."""
    data = bytearray(changed(bundle).getvalue())
    entry = data.index(b"PK\x01\x02")
    n_name = int.from_bytes(data[entry + 28 : entry + 30], "little")
    data[entry + 30 : entry + 32] = (12).to_bytes(2, "little")
    data[entry + 42 : entry + 46] = b"\xff" * 4
    data[entry + 46 + n_name : entry + 46 + n_name] = b"\x01\0\x08\0" + b"\xff" * 8
    end = data.rindex(b"PK\x05\x06")
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    data[end + 12 : end + 16] = (size + 12).to_bytes(4, "little")
    with pytest.raises(OptionError, match="this is not a voice bundle, or it is damaged"):
        read_bundle(library, io.BytesIO(bytes(data)), "Other")


def test_a_bundle_that_is_not_there(library: VoiceLibrary, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bundle(library, tmp_path / "none.zip")
