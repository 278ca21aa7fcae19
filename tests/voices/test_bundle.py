"""Bundles travel whole, and those that were tampered with are refused."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from locutor.errors import AudioError, ConflictError, OptionError
from locutor.voices.bundle import read_bundle, write_bundle
from locutor.voices.library import NewClip, VoiceLibrary
from locutor.voices.record import Consent


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
