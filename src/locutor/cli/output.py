"""Where a command's audio goes: a file, or stdout as `-`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from locutor.errors import NotFoundError, OptionError, StorageError

if TYPE_CHECKING:
    from locutor.types import Waveform

STDOUT = "-"


@dataclass(frozen=True)
class Output:
    """A place to write to that was looked at before any work was done."""

    target: str
    format: str

    @classmethod
    def check(cls, target: str, format: str | None = None) -> "Output":
        """Raises OptionError for an unknown format or a terminal as stdout, NotFoundError without the folder,
        StorageError when the target is a folder."""
        from locutor.audio.formats import find_format, format_of

        if target == STDOUT:
            if sys.stdout.isatty():
                raise OptionError("-o - writes audio to stdout, which is a terminal; redirect it or name a file")
            return cls(target, find_format(format or "wav").name)
        path = Path(target)
        chosen = find_format(format) if format else format_of(path)
        if not path.parent.is_dir():
            raise NotFoundError(f"there is no folder {path.parent} to write {path.name} to")
        if path.is_dir():
            raise StorageError(f"cannot write {path}: it is a folder")
        return cls(target, chosen.name)

    def write(self, waveform: "Waveform") -> None:
        """All of it or nothing; StorageError when the disk refuses."""
        from locutor.audio import io

        self.write_bytes(io.encode(waveform, self.format))

    def write_bytes(self, data: bytes) -> None:
        """A whole file in the place's format, as `write`."""
        from locutor.audio.files import replacing

        if self.target != STDOUT:
            with replacing(Path(self.target)) as file:
                file.write(data)
            return
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # who read has had enough, which is no error of the disk
            raise
        except OSError as error:
            raise StorageError(f"cannot write to stdout: {error.strerror or error}") from error
