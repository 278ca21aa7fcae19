"""Many texts in one request."""

import csv
import io
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.speech import Parameters
from locutor.errors import OptionError

MAX_ROWS = 1000
COLUMNS = ("text", "voice_id", "language", "quality_profile_id", "model", "seed", "speed")


class BatchRow(Parameters):
    """One text; what is left out is taken from the batch."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=100_000, examples=["Good morning!"])]
    voice_id: Annotated[str, Field(max_length=120)] | None = None
    language: Annotated[str, Field(max_length=40, examples=["en"])] | None = None
    quality_profile_id: Annotated[str, Field(max_length=120)] | None = None
    model: Annotated[str, Field(max_length=120)] | None = None


class BatchIn(BaseModel):
    """Texts to speak; voice_id, language, quality_profile_id and model stand for rows that name none."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[BatchRow], Field(min_length=1, max_length=MAX_ROWS)]
    voice_id: Annotated[str, Field(max_length=120)] | None = None
    language: Annotated[str, Field(max_length=40)] | None = None
    quality_profile_id: Annotated[str, Field(max_length=120)] | None = None
    model: Annotated[str, Field(max_length=120)] | None = None
    normalize: bool = True
    format: Literal["wav", "flac", "mp3", "ogg", "opus"] = "wav"


def read_csv(data: bytes) -> list[dict[str, Any]]:
    """Rows of a CSV with a header; empty cells are left out.

    Raises OptionError for bytes that are not UTF-8, a column that is not known or a row with too many cells.
    """
    try:
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        unknown = [name for name in table.fieldnames or () if name not in COLUMNS]
        if unknown or "text" not in (table.fieldnames or ()):
            problem = f"the column {unknown[0]!r} is not known" if unknown else "there is no column text"
            raise OptionError(f"{problem}; the first line names columns of {', '.join(COLUMNS)}")
        rows = []
        for number, row in enumerate(table, start=1):
            if None in row:
                raise OptionError(f"row {number} of the CSV has more cells than there are columns")
            rows.append({name: cell for name, cell in row.items() if cell})
    except UnicodeDecodeError as error:
        raise OptionError(f"the CSV is not UTF-8: {error.reason} at byte {error.start}") from error
    except csv.Error as error:
        raise OptionError(f"the CSV cannot be read: {error}") from error
    return rows
