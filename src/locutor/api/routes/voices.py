"""The voice library."""

from io import BytesIO
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile
from fastapi.responses import FileResponse

from locutor.api.choices import known_engine
from locutor.api.deps import Context, Served, allow
from locutor.api.files import disposition, n_peaks, peaks_of_file
from locutor.api.schemas.common import Id, Language, leads_to, refusals
from locutor.api.schemas.jobs import Peaks
from locutor.api.schemas.voices import (
    BlendIn,
    CloneStarted,
    ConsentIn,
    Description,
    DoctorOut,
    Name,
    Permission,
    Transcript,
    VoiceDeleted,
    VoiceOut,
    VoicePage,
    VoicePatch,
)
from locutor.api.uploads import scratch_file, staged
from locutor.audio import io
from locutor.auth.scopes import Scope
from locutor.errors import AudioError, ConflictError, OptionError
from locutor.storage.database import now
from locutor.tasks import CLONE_VOICE
from locutor.text.languages import parse_language
from locutor.voices.bundle import read_bundle, write_bundle
from locutor.voices.doctor import MAX_CLIP_S
from locutor.voices.record import Consent
from locutor.voices.store import LIBRARY

read = APIRouter(prefix="/voices", tags=["Voices"], dependencies=[Depends(allow(Scope.SPEAK))])
write = APIRouter(prefix="/voices", tags=["Voices"], dependencies=[Depends(allow(Scope.VOICES))])

_ON_A_VOICE = ("one", "change", "audio", "peaks", "export_bundle", "delete")
_LINKS = leads_to({"voice_id": "id"}, *(f"voices_{name}" for name in _ON_A_VOICE))
_UPLOADS = "1 to 10 recordings of one voice, 3 to 60 s together: WAV, FLAC, MP3, OGG, Opus."


@read.get("", response_model=VoicePage, responses=refusals(), summary="Voices")
def page(
    served: Served,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    language: Language | None = None,
) -> VoicePage:
    """Presets first, then voice folders, the library by name, and the speakers of installed models."""
    records = {record.id: record for record in served.stores.voices.records()}
    wanted = None if language is None else parse_language(language)
    found = [v for v in served.stores.voices.list() if wanted is None or v.language == wanted]
    shown = [VoiceOut.of(voice, records.get(voice.id)) for voice in found[offset : offset + limit]]
    return VoicePage(total=len(found), voices=shown)


@write.post(
    "/clone",
    status_code=202,
    response_model=CloneStarted,
    responses={202: leads_to({"job_id": "job_id"}, "jobs_one", "jobs_of_one"), **refusals(409, 507)},
    summary="Make a voice of recordings",
)
def clone(
    served: Served,
    file: Annotated[list[UploadFile], File(description=_UPLOADS, min_length=1, max_length=10)],
    name: Annotated[Name, Form()],
    language: Annotated[Language | None, Form()] = None,
    description: Annotated[Description, Form()] = "",
    ref_text: Annotated[Transcript | None, Form()] = None,
    transcribe: Annotated[bool, Form(description="Write down what is said; needs the extra `asr`.")] = False,
    tts_engine: Annotated[str | None, Form(max_length=40, description="Voices work with every engine.")] = None,
    licence: Annotated[str | None, Form(max_length=200)] = None,
    consent: Annotated[Permission | None, Form(description="Who may use the voice.")] = None,
    consent_by: Annotated[str, Form(max_length=200, description="Who confirms that.")] = "",
    consent_note: Annotated[str, Form(max_length=2000)] = "",
) -> CloneStarted:
    """Several recordings share no transcript: give ref_text with one file only, or ask for transcribe."""
    if tts_engine is not None:
        known_engine(served, tts_engine)
    if ref_text is not None and len(file) > 1:
        raise OptionError("ref_text belongs to one recording; with several, ask for transcribe")
    params: dict[str, Any] = {
        "name": _free(served, name),
        "description": description,
        "language": None if language is None else parse_language(language),
        "licence": licence,
        "transcribe": transcribe,
        "ref_text": ref_text,
        "consent": _consent(consent, consent_by, consent_note),
    }
    with staged(served, file) as uploads:
        params["clips"] = [{"artefact": upload.id, "transcript": ref_text} for upload in uploads]
        job = served.stores.jobs.submit(CLONE_VOICE, params, ttl_s=served.job_ttl_s, uploads=uploads)
    return CloneStarted(message="queued", job_id=job.id, status=job.status, poll_url=f"/jobs/{job.id}")


def _free(served: Context, name: str) -> str:
    taken = {v.name.casefold() for v in served.stores.voices.list()} | {v.id for v in served.stores.voices.list()}
    if name.strip().casefold() in taken:
        raise ConflictError(f"a voice is called {name.strip()!r} already")
    return name


def _consent(permission: str | None, given_by: str, note: str) -> dict[str, Any] | None:
    if permission is None:
        return None
    if not given_by.strip():
        raise OptionError("consent needs consent_by: who confirms that the voice may be used")
    return Consent(permission=permission, given_by=given_by.strip(), confirmed_at=now(), note=note).to_json()


@write.post("/examine", response_model=DoctorOut, responses=refusals(507), summary="What a recording is like")
def examine(served: Served, file: Annotated[UploadFile, File(description="A recording, up to 60 s.")]) -> DoctorOut:
    """Duration, level, clipping, noise, share of speech, bandwidth. Nothing is kept."""
    with scratch_file(served, file) as path:
        try:
            report = served.stores.voices.examine(io.read(path, MAX_CLIP_S))
        except AudioError as error:
            return DoctorOut(usable=False, problem=str(error).replace(str(path), "the recording"))
    return DoctorOut(usable=True, **report.to_json())


@write.post(
    "/blend",
    status_code=201,
    response_model=VoiceOut,
    responses={201: _LINKS, **refusals(404, 409, 507)},
    summary="Mix recorded voices",
)
def blend(body: BlendIn, served: Served) -> VoiceOut:
    parts = [(part.voice, part.weight) for part in body.parts]
    return shown(served, served.stores.voices.blend(parts, name=body.name, description=body.description).id)


@write.post(
    "/import",
    status_code=201,
    response_model=VoiceOut,
    responses={201: _LINKS, **refusals(409, 507)},
    summary="Add the voice of a bundle",
)
def import_bundle(
    served: Served,
    file: Annotated[UploadFile, File(description="A file of GET /voices/{voice_id}/export.")],
    name: Annotated[Name | None, Form(description="In place of the bundle's own.")] = None,
) -> VoiceOut:
    """Nothing in it is trusted: sizes are limited, recordings are examined again."""
    return shown(served, read_bundle(served.stores.voices, file.file, name).id)


@read.get("/{voice_id}", response_model=VoiceOut, responses=refusals(404), summary="A voice")
def one(voice_id: Id, served: Served) -> VoiceOut:
    return shown(served, voice_id)


def shown(served: Context, voice_id: str) -> VoiceOut:
    voice = served.stores.voices.get(voice_id)
    return VoiceOut.of(voice, served.stores.voices.record(voice.id) if voice.kind == LIBRARY else None)


@write.patch("/{voice_id}", response_model=VoiceOut, responses=refusals(404, 409, 507), summary="Change a voice")
def change(voice_id: Id, body: VoicePatch, served: Served) -> VoiceOut:
    """Only voices of the library can be changed. A transcript is of the recording as it is now."""
    _check_own(served, voice_id)
    record = served.stores.voices.update(
        voice_id,
        name=body.name,
        description=body.description,
        language=None if body.language is None else parse_language(body.language),
        ref_text=body.ref_text,
        consent=None if body.consent is None else _confirmed(body.consent),
    )
    return shown(served, record.id)


def _confirmed(consent: ConsentIn) -> Consent:
    return Consent(
        permission=consent.permission, given_by=consent.given_by.strip(), confirmed_at=now(), note=consent.note
    )


@write.delete("/{voice_id}", response_model=VoiceDeleted, responses=refusals(404, 409, 507), summary="Delete a voice")
def delete(voice_id: Id, served: Served) -> VoiceDeleted:
    """With its recordings. Presets and voice folders cannot be deleted here."""
    _check_own(served, voice_id)
    record = served.stores.voices.remove(voice_id)
    return VoiceDeleted(message="deleted", voice_id=record.id)


def _check_own(served: Context, voice_id: str) -> None:
    voice = served.stores.voices.get(voice_id)
    if voice.kind != LIBRARY:
        raise ConflictError(f"voice {voice.id!r} is not of the library and cannot be changed")


@read.get(
    "/{voice_id}/audio",
    response_class=FileResponse,
    responses={
        200: {"description": "The file.", "content": {"audio/flac": {}, "audio/wav": {}, "audio/ogg": {}}},
        206: {"description": "The part of the file that a Range header asked for."},
        416: {"description": "A Range beyond the file."},
        **refusals(404),
    },
    summary="A voice's recording",
)
def audio(voice_id: Id, served: Served) -> FileResponse:
    """What engines listen to; of a blend, the recording of its heaviest part. Range requests are answered."""
    voice = served.stores.voices.get(voice_id)
    container = io.probe(voice.recording).container.lower()
    name = disposition("inline", f"{voice.name or voice.id}.{container}")
    return FileResponse(voice.recording, media_type=f"audio/{container}", headers={"Content-Disposition": name})


@write.get(
    "/{voice_id}/export",
    response_class=Response,
    responses={
        200: {
            "description": "A bundle.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **refusals(404, 409),
    },
    summary="A voice as one file",
)
def export_bundle(voice_id: Id, served: Served) -> Response:
    """Recordings, transcripts and consent, to move between installations. Only voices of the library have one."""
    _check_own(served, voice_id)
    buffer = BytesIO()
    record = write_bundle(served.stores.voices, voice_id, buffer)
    name = disposition("attachment", f"{record.name}.voice.zip")
    return Response(buffer.getvalue(), media_type="application/zip", headers={"Content-Disposition": name})


@read.get("/{voice_id}/peaks", response_model=Peaks, responses=refusals(404), summary="Its waveform")
def peaks(voice_id: Id, served: Served, n: n_peaks = 800) -> Peaks:
    return peaks_of_file(served.stores.voices.get(voice_id).recording, n)
