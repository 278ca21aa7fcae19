"""Speech at once, without a job: with a recording of the request, or as a preview of a voice."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Form, Query, Request, Response, UploadFile
from fastapi.concurrency import contextmanager_in_threadpool
from pydantic import ConfigDict, Field

from locutor.api.choices import order_of
from locutor.api.deps import Context, Served, allow
from locutor.api.files import disposition
from locutor.api.schemas.common import SPEAKING, Id, Language, Responses, Text, refusals
from locutor.api.schemas.speech import Parameters, StreamedFormat
from locutor.api.speaking import RECIPE_HEADER, recipe_header, unless_gone
from locutor.api.uploads import scratch_file
from locutor.audio.stream import encode, find_stream_format
from locutor.auth.scopes import Scope
from locutor.errors import OptionError
from locutor.orders import place
from locutor.serving.backend import SpeechCall
from locutor.serving.recipe import Speech
from locutor.text.languages import parse_language
from locutor.voices.store import Voice

router = APIRouter(tags=["Speech"], dependencies=[Depends(allow(Scope.SPEAK))])

_PREVIEWS = {
    "en": "This is how my voice sounds. Every word of it was made on your own machine.",
    "pt-BR": "É assim que a minha voz soa. Cada palavra foi feita na sua própria máquina.",
}
_AUDIO: Responses = {
    200: {
        "description": "The file.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/pcm", "audio/aac", "audio/mp4")
        },
    }
}


class DirectForm(Parameters):
    """The form of POST /synthesize-direct. model: of GET /v1/models."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    speaker_wav: Annotated[UploadFile, Field(description="A recording of the voice, 3 to 30 s.")]
    language: Language | None = None
    quality_profile: Annotated[str, Field(max_length=120, description="An id, or fast, balanced, quality.")] | None = (
        None
    )
    ref_text: Annotated[str, Field(max_length=2000, description="What is said in the recording.")] | None = None
    model: Annotated[str, Field(max_length=120)] | None = None
    normalize: bool = True
    format: StreamedFormat = "wav"


@dataclass(frozen=True)
class _Wanted:
    """What to say and how; None leaves it to the service."""

    text: str
    language: str | None = None
    profile: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    normalize: bool = True
    format: str = "wav"


@router.post(
    "/synthesize-direct",
    response_class=Response,
    responses=_AUDIO | refusals(*SPEAKING),
    summary="Speak a text with a recording's voice",
)
async def synthesize_direct(
    request: Request, served: Served, form: Annotated[DirectForm, Form(media_type="multipart/form-data")]
) -> Response:
    """The recording is not kept."""
    wanted = _Wanted(
        text=form.text,
        language=form.language,
        profile=form.quality_profile,
        model=form.model,
        parameters=form.model_dump(include=set(Parameters.model_fields)),
        normalize=form.normalize,
        format=form.format,
    )
    async with contextmanager_in_threadpool(scratch_file(served, form.speaker_wav)) as path:
        return await _speak(request, served, Voice.from_file(path, form.ref_text), wanted)


@router.get(
    "/voices/{voice_id}/preview",
    response_class=Response,
    responses=_AUDIO | refusals(*SPEAKING),
    summary="A sentence in a voice",
    tags=["Voices"],
)
async def preview(
    voice_id: Id,
    request: Request,
    served: Served,
    language: Annotated[Language | None, Query()] = None,
    text: Annotated[Text | None, Query(max_length=200)] = None,
    format: StreamedFormat = "wav",
) -> Response:
    """The same sentence for every voice, so that they can be compared; or a short text of your own. A voice that a
    model brings along is heard with that model."""
    voice = await run_sync(served.stores.voices.get, voice_id)
    tag = parse_language(language or voice.language or served.settings.lang)
    said = text or _PREVIEWS.get(tag)
    if said is None:
        raise OptionError(f"there is no preview sentence in {tag}; give a text")
    return await _speak(
        request, served, voice, _Wanted(said, tag, model=voice.model, parameters={"seed": 1}, format=format)
    )


async def _speak(request: Request, served: Context, voice: Voice, wanted: _Wanted) -> Response:
    format, cancelled = find_stream_format(wanted.format), threading.Event()

    def spoken_file() -> tuple[Speech, bytes]:
        spoken = served.speech.speak(_call(served, voice, wanted, cancelled))
        return spoken, encode(spoken.waveform, format.name)

    spoken, data = await unless_gone(request, cancelled, served.limiter, spoken_file)
    headers = {
        "Content-Disposition": disposition("inline", f"speech{format.suffix}"),
        RECIPE_HEADER: recipe_header(spoken),
    }
    return Response(data, media_type=format.mime_type, headers=headers)


def _call(served: Context, voice: Voice, wanted: _Wanted, cancelled: threading.Event) -> SpeechCall:
    order = order_of(
        served,
        wanted.text,
        voice=None,
        language=wanted.language,
        model=wanted.model,
        profile=wanted.profile,
        parameters=wanted.parameters,
        normalize=wanted.normalize,
    )
    return place(served.stores, order, served.settings.model, voice=voice, cancelled=cancelled).call
