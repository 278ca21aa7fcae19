"""What is said in the recordings of a folder, as far as files beside them tell.

Looked for, in this order: a list named metadata.csv or given by name, and beside each recording a file of its name
with the suffix .srt, .vtt, .lab or .txt.

A list is LJSpeech's (no header, `|` between name and text, a third column holds the text with numbers as words), or a
table with a header, parted by commas, semicolons, tabs or `|`.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from locutor.audio.formats import FORMATS
from locutor.datasets.manifest import Cue
from locutor.datasets.subtitles import parse_subtitles
from locutor.errors import LocutorError, NotFoundError, OptionError, TextError

SUFFIXES = frozenset({f.suffix for f in FORMATS.values()} | {".m4a", ".mp4", ".webm", ".aac", ".wma", ".oga", ".mka"})
FILE_COLUMNS = ("file", "path", "audio", "audio_file", "audio_path", "filename", "file_name", "wav")
TEXT_COLUMNS = ("text", "transcript", "transcription", "sentence", "normalized_text")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "speaker_name")
LIST_NAME = "metadata.csv"
TRANSCRIPT_SUFFIXES = (".srt", ".vtt", ".lab", ".txt")


@dataclass(frozen=True)
class Given:
    """A recording, and what is known of it. error: why it cannot be used."""

    path: Path
    name: str
    text: str | None = None
    cues: tuple[Cue, ...] = ()
    speaker: str = ""
    error: str | None = None


def recordings(place: Path, speaker: str = "") -> list[Given]:
    """The recordings of a folder with all below it, of a list, or one file, in the order of their names.

    speaker: of all that no list gives one. Raises NotFoundError when there is nothing, OptionError for a list that
    cannot be read; what is wrong with one recording is its `error`.
    """
    if place.is_dir():
        listed = place / LIST_NAME
        found = _of_list(listed, speaker) if listed.is_file() else _of_folder(place, speaker)
    elif not place.is_file():
        raise NotFoundError(f"there is no file or folder {place}")
    elif place.suffix.lower() in (".csv", ".tsv"):
        found = _of_list(place, speaker)
    else:
        found = [_beside(place, place.name, speaker)]
    if not found:
        raise NotFoundError(f"there are no recordings ({', '.join(sorted(SUFFIXES))}) in {place}")
    return found


def _of_folder(folder: Path, speaker: str) -> list[Given]:
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return [_beside(path, path.relative_to(folder).as_posix(), speaker) for path in files]


def _beside(path: Path, name: str, speaker: str) -> Given:
    """A recording with the transcript that lies beside it."""
    for suffix in TRANSCRIPT_SUFFIXES:
        beside = path.with_suffix(suffix)
        if beside.is_file():
            try:
                text = _read_text(beside)
                if suffix in (".srt", ".vtt"):
                    return Given(path, name, cues=parse_subtitles(text), speaker=speaker)
                return Given(path, name, text=_on_one_line(text), speaker=speaker)
            except LocutorError as error:
                return Given(path, name, speaker=speaker, error=f"{beside.name}: {error}")
    return Given(path, name, speaker=speaker)


def _of_list(path: Path, speaker: str) -> list[Given]:
    """The recordings that a list names, those that are not there with an error."""
    try:
        text = _read_text(path)
        rows = _table(text) or _ljspeech(text)
    except TextError as error:
        raise OptionError(f"{path}: {error}") from error
    if not rows:
        raise OptionError(f"{path} is no list of recordings: it needs lines of `name|text`, or a header with one of "
                          f"{', '.join(FILE_COLUMNS)} and one of {', '.join(TEXT_COLUMNS)}")  # fmt: skip
    return [_listed(path.parent, *row, speaker) for row in rows]


Listed = tuple[str, str, str]  # file, text, speaker


def _table(text: str) -> list[Listed]:
    """The rows of a table with a header; none when there is no header that tells which column is which."""
    first, _, rest = text.partition("\n")
    delimiter = max(",;\t|", key=first.count)
    header = _fields(first, delimiter)
    columns = {name.strip().casefold(): place for place, name in enumerate(header)}
    file, said, who = (
        next((columns[name] for name in names if name in columns), None)
        for names in (FILE_COLUMNS, TEXT_COLUMNS, SPEAKER_COLUMNS)
    )
    if file is None or said is None:
        return []
    rows = _lines_of_fields(rest, delimiter) if delimiter in "\t|" else _quoted_fields(rest, delimiter)
    whole = [row + [""] * (len(header) - len(row)) for row in rows]
    return [(row[file].strip(), _on_one_line(row[said]), "" if who is None else row[who].strip()) for row in whole]


def _lines_of_fields(text: str, delimiter: str) -> list[list[str]]:
    """Each line by itself, so that a stray quotation mark costs no other line."""
    return [_fields(line, delimiter) for line in text.split("\n") if line.strip()]


def _fields(line: str, delimiter: str) -> list[str]:
    """Quotation marks that do not enclose whole fields are part of what is said."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return line.split(delimiter)


def _quoted_fields(text: str, delimiter: str) -> list[list[str]]:
    """The rows behind a header; a quoted field may hold delimiters and line ends. Raises TextError for one that does
    not end where it should, before it swallows the lines behind it."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    number = 2  # of the line at which a row begins
    try:
        for row in reader:
            rows += [row] if row else []
            number = reader.line_num + 2
    except csv.Error as error:
        raise TextError(f"line {number}: a field begins with a quotation mark and does not end with one; "
                        "write the field in quotation marks, and those inside it twice") from error  # fmt: skip
    return rows


def _ljspeech(text: str) -> list[Listed]:
    """Lines of `name|text` or `name|text|text as words`; none when a line is not."""
    lines = [line.split("|") for line in text.split("\n") if line.strip()]
    if any(len(parts) < 2 for parts in lines):
        return []
    return [(parts[0].strip(), _on_one_line(parts[2] if len(parts) > 2 and parts[2].strip() else parts[1]), "")
            for parts in lines]  # fmt: skip


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _listed(folder: Path, name: str, text: str, own_speaker: str, speaker: str) -> Given:
    path = next((p for p in _places(folder, name) if _is_there(p)), None)
    who = own_speaker or speaker
    if path is None:
        return Given(folder / name, name, speaker=who, error=f"the list names {name!r}, which is not in {folder}")
    if not path.resolve().is_relative_to(folder.resolve()):
        return Given(folder / name, name, speaker=who, error=f"the list names {name!r}, which is outside of {folder}")
    return Given(path, path.relative_to(folder).as_posix(), text=text or None, speaker=who)


def _places(folder: Path, name: str) -> Iterator[Path]:
    """Where a list's name may mean: a path, or a name without suffix in the folder or in wavs."""
    yield folder / name
    for inner in ("wavs", "."):
        yield folder / inner / name
        for suffix in sorted(SUFFIXES):
            yield folder / inner / f"{name}{suffix}"


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a sentence in the column of the names is too long for one
        return False


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise TextError(f"not UTF-8: {error.reason} at byte {error.start}") from error
