"""Voices out of and into the library, as bundles."""

import io
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Response, UploadFile

from locutor.api.deps import Served, allow
from locutor.api.files import disposition
from locutor.api.routes.voices import shown
from locutor.api.schemas.common import Id, Responses, refusals
from locutor.api.schemas.voices import Name, VoiceOut
from locutor.auth.scopes import Scope
from locutor.voices.bundle import read_bundle, write_bundle

read = APIRouter(prefix="/voices", tags=["Voices"], dependencies=[Depends(allow(Scope.SPEAK))])
write = APIRouter(prefix="/voices", tags=["Voices"], dependencies=[Depends(allow(Scope.VOICES))])

_ZIP: Responses = {
    200: {"description": "A ZIP.", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}


@read.get("/{voice_id}/export", response_class=Response, responses=_ZIP | refusals(404), summary="A voice as a bundle")
def export(voice_id: Id, served: Served) -> Response:
    """Recordings, transcripts, consent: all that another installation needs."""
    file = io.BytesIO()
    record = write_bundle(served.stores.voices, voice_id, file)
    name = disposition("attachment", f"{record.name}.zip")
    return Response(file.getvalue(), media_type="application/zip", headers={"Content-Disposition": name})


@write.post(
    "/import", status_code=201, response_model=VoiceOut, responses=refusals(409, 507), summary="Bring in a bundle"
)
def bring_in(
    served: Served,
    file: Annotated[UploadFile, File(description="What GET /voices/{id}/export answers.")],
    name: Annotated[Name | None, Form(description="Another name than its own.")] = None,
) -> VoiceOut:
    return shown(served, read_bundle(served.stores.voices, file.file, name).id)
