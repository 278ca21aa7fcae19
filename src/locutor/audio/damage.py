"""Is all of a file there? libsndfile reads a WAV file that was cut off as if it were a shorter one."""

import struct
from pathlib import Path
from typing import BinaryIO

_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)  # written by programs that could not know the length beforehand
_UNKNOWN_FROM = 0x7FFFF000  # or one of these less the header's length


def missing_share(path: Path) -> float:
    """Share of the sound, 0 to 1, that the header of a WAV file promises and the file does not hold.

    0 for other formats, whose decoders notice it, and for headers that do not tell.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return 0.0
        return _missing_of_data(file, path.stat().st_size)


def _missing_of_data(file: BinaryIO, n_bytes: int) -> float:
    """Look for the chunk "data" and compare its size with what follows."""
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        if name == b"data":
            here = n_bytes - file.tell()
            return 0.0 if size in _UNKNOWN_SIZES or size >= _UNKNOWN_FROM else max(0.0, 1 - here / size)
        file.seek(size + size % 2, 1)
    return 0.0
