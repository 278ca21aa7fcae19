"""The rows that every step reads and writes, and their JSONL files.

A source is a recording as it was imported, a clip a stretch of one. Each step fills in more of a clip; what it does not
know it hands on. Times are seconds from the start of the source, rounded to milliseconds.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidationError

from locutor.audio.files import replacing
from locutor.errors import NotFoundError, OptionError

Seconds = Annotated[float, PlainSerializer(lambda value: round(value, 3))]
Figure = Annotated[float, PlainSerializer(lambda value: round(value, 4))]


class Row(BaseModel):
    """A line of a manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cue(Row):
    """A subtitle."""

    start_s: Seconds
    end_s: Seconds
    text: str


class Source(Row):
    """A recording. file: its copy in the dataset, None with an error. name: where it came from, for people to read.

    text: what is said in all of it; cues: in parts of it; neither: nobody knows. speaker: "" for the only one.
    file_sha256: of the file as it was given; origin: stands for the place where it lay.
    """

    id: str
    name: str
    file: str | None = None
    file_sha256: str = ""
    origin: str = ""
    sample_rate: int = 0
    duration_s: Seconds = 0.0
    text: str | None = None
    cues: tuple[Cue, ...] = ()
    speaker: str = ""
    error: str | None = None


class SpokenWord(Row):
    """A word that was heard; times from the start of the clip."""

    start_s: Seconds
    end_s: Seconds
    text: str
    probability: Figure


class Measures(Row):
    """What the sound of a clip is like; see locutor.analysis.quality.

    speaker_similarity: cosine to the speaker's other clips. worst_similarity: that of its least similar 1.6 s.
    """

    level_dbfs: Figure
    snr_db: Figure
    clipped_ratio: Figure
    bandwidth_hz: Figure
    speech_s: Figure
    longest_pause_s: Figure
    edge_db: Figure
    burst_s: Figure
    speaker_similarity: Figure | None = None
    worst_similarity: Figure | None = None


class Heard(Row):
    """What a recogniser wrote down. cer: against the given text, None without one."""

    text: str
    language: str
    words: tuple[SpokenWord, ...] = ()
    is_loop: bool = False
    cer: Figure | None = None


class Problem(Row):
    """Why a clip is left out. severity: how far beyond the limit, comparable between checks; 0 is just at it."""

    check: str
    severity: Figure
    sentence: str


class Clip(Row):
    """A stretch of a source. is_cut: it begins or ends inside speech, because there was no pause.

    given: what the source says is spoken here. heard: what the recogniser says. text: what the dataset will say, ready
    to be spoken. edited: somebody wrote the text by hand. error: why a step could not work on it. Of a built dataset:
    split: "train", "val" or "guard" (in neither); sha256: of its WAV file.
    """

    id: str
    source: str
    start_s: Seconds
    end_s: Seconds
    speaker: str = ""
    is_cut: bool = False
    given: str | None = None
    measures: Measures | None = None
    heard: Heard | None = None
    text: str = ""
    edited: bool = False
    problems: tuple[Problem, ...] = ()
    error: str | None = None
    split: str = ""
    sha256: str = ""

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def is_kept(self) -> bool:
        return self.error is None and not self.problems


R = TypeVar("R", bound=BaseModel)


def read_rows(path: Path, row_type: type[R]) -> list[R]:
    """The rows of a file. Raises NotFoundError without it, OptionError naming the line that is none."""
    if not path.is_file():
        raise NotFoundError(f"there is no {path}; the step that writes it has not run")
    rows = []
    for number, line in enumerate(_lines(path.read_text(encoding="utf-8")), 1):
        try:
            rows.append(row_type.model_validate_json(line))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise OptionError(f"{path}, line {number}: {where or 'row'}: {problem['msg']}") from error
    return rows


def _lines(text: str) -> list[str]:
    """Not splitlines, which parts at U+2028 and the like too, and those stand in JSON strings as they are."""
    *lines, rest = text.split("\n")
    return [*lines, rest] if rest else lines


def write_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    """One JSON object a line, all of the file or nothing."""
    with replacing(path) as file:
        file.writelines(row.model_dump_json(exclude_defaults=True).encode() + b"\n" for row in rows)
