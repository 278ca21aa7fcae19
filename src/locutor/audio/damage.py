"""Is all of a file there? libsndfile reads many a file that was cut off as if it were a shorter one."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)  # written by programs that could not know the length beforehand
_UNKNOWN_FROM = 0x7FFFF000  # or one of these less the header's length
_UNKNOWN_FROM_64 = 1 << 62  # the same of sizes of 64 bits
_IS_ELSEWHERE = 0xFFFFFFFF  # RF64: the size stands in the chunk "ds64"


@dataclass(frozen=True)
class _Chunks:
    """How a format lays out its chunks. header: name and size; is_whole: the size counts the header too."""

    first: int
    header: str
    sound: bytes
    alignment: int = 2
    is_whole: bool = False


_WAV = _Chunks(first=12, header="<4sI", sound=b"data")
_RIFX = _Chunks(first=12, header=">4sI", sound=b"data")
_AIFF = _Chunks(first=12, header=">4sI", sound=b"SSND")
_W64 = _Chunks(first=40, header="<4s12xQ", sound=b"data", alignment=8, is_whole=True)


def missing_share(path: Path) -> float:
    """Share of the sound, 0 to 1, that the header of a WAV, RF64, W64, AIFF or AU file promises and the file lacks.

    0 for headers that do not tell and for other formats. A FLAC or CAF file that was cut off is nearly always refused
    by its decoder; what is left of an MP3, Ogg (Vorbis, Opus) or WebM file reads as a shorter one.
    """
    with open(path, "rb") as file:
        promised = _promised(file, file.read(16))
        if promised is None or promised == 0:
            return 0.0
        return max(0.0, 1 - (path.stat().st_size - file.tell()) / promised)


def _promised(file: BinaryIO, head: bytes) -> int | None:
    """Bytes of sound by the header, None where it does not tell; leaves the file at the first of them."""
    container, kind = head[:4], head[8:12]
    if container in (b"RIFF", b"RIFX") and kind == b"WAVE":
        return _told(_seek_chunk(file, _WAV if container == b"RIFF" else _RIFX))
    if container == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return _told(_seek_chunk(file, _AIFF))
    if container == b"RF64" and kind == b"WAVE":
        return _promised_by_rf64(file)
    if head == b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0":
        return _told(_seek_chunk(file, _W64), _UNKNOWN_FROM_64)
    if container in (b".snd", b"dns."):  # AU; the other way round, its numbers are too
        start, size = struct.unpack(">2I" if container == b".snd" else "<2I", head[4:12].ljust(8, b"\0"))
        file.seek(start)
        return _told(size)
    return None


def _told(size: int | None, unknown_from: int = _UNKNOWN_FROM) -> int | None:
    return None if size is None or size in _UNKNOWN_SIZES or size >= unknown_from else size


def _promised_by_rf64(file: BinaryIO) -> int | None:
    size = _seek_chunk(file, _WAV)
    if size != _IS_ELSEWHERE:
        return _told(size)
    start = file.tell()
    is_there = _seek_chunk(file, _WAV, b"ds64") is not None
    sizes = file.read(16) if is_there else b""  # of the whole, of the sound
    file.seek(start)
    return _told(struct.unpack("<2Q", sizes)[1], _UNKNOWN_FROM_64) if len(sizes) == 16 else None


def _seek_chunk(file: BinaryIO, chunks: _Chunks, wanted: bytes | None = None) -> int | None:
    """Go to the content of a chunk, the sound's unless another is wanted; its size, None where there is none."""
    n_header = struct.calcsize(chunks.header)
    file.seek(chunks.first)
    while len(header := file.read(n_header)) == n_header:
        name, size = struct.unpack(chunks.header, header)
        content = max(0, size - n_header) if chunks.is_whole else size
        if name == (wanted or chunks.sound):
            return content
        if content > _UNKNOWN_FROM_64:  # no file is that long, nor can one seek there
            return None
        file.seek(content + -content % chunks.alignment, 1)
    return None
