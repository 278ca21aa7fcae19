"""Stored audio as answers: as it is with Range, in another format, or as a waveform to draw."""

import re
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import quote

from fastapi import Query, Response
from fastapi.responses import FileResponse

from locutor.api.deps import Context
from locutor.api.schemas.jobs import Peaks
from locutor.audio import io
from locutor.audio.peaks import read_peaks
from locutor.audio.stream import encode, find_stream_format

n_peaks: TypeAlias = Annotated[int, Query(ge=1, le=20_000, description="Number of stretches.")]


def audio_file(served: Context, artefact_id: str) -> FileResponse:
    """The file as it is stored. What is under an id never changes, so a browser may keep it."""
    artefacts = served.stores.artefacts
    found = artefacts.get(artefact_id)
    return FileResponse(
        artefacts.path(artefact_id),
        media_type=found.media_type,
        headers={
            "Content-Disposition": disposition("inline", found.filename),
            "Cache-Control": "private, max-age=3600",
        },
    )


def encoded_file(served: Context, artefact_id: str, format: str, stem: str) -> Response:
    """The audio in a format of STREAM_FORMATS, as a download; raises as find_stream_format."""
    wanted = find_stream_format(format)
    artefacts = served.stores.artefacts
    stored, path = artefacts.get(artefact_id), artefacts.path(artefact_id)
    same = stored.media_type == wanted.mime_type
    data = path.read_bytes() if same else encode(io.read(path), wanted.name)
    name = disposition("attachment", f"{stem}{wanted.suffix}")
    return Response(data, media_type=wanted.mime_type, headers={"Content-Disposition": name})


def peaks_of(served: Context, artefact_id: str, n: int) -> Peaks:
    return peaks_of_file(served.stores.artefacts.path(artefact_id), n)


def peaks_of_file(path: Path, n: int) -> Peaks:
    low, high, duration_s, rate = read_peaks(path, n)
    return Peaks(
        duration=duration_s,
        sample_rate=rate,
        n=len(low),
        low=[round(float(v), 4) for v in low],
        high=[round(float(v), 4) for v in high],
    )


def disposition(kind: str, filename: str) -> str:
    """A Content-Disposition that no name can break out of: plain for old clients, and percent-encoded."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
