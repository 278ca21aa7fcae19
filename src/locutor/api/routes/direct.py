"""Speech at once, without a job: with a recording of the request, or as a preview of a voice."""

import threading
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi.concurrency import contextmanager_in_threadpool

from locutor.api.choices import check_length, choose_model, choose_profile
from locutor.api.deps import Context, Served, allow
from locutor.api.files import disposition
from locutor.api.schemas.common import SPEAKING, Id, Language, Responses, Seed, Text, refusals
from locutor.api.schemas.speech import StreamedFormat
from locutor.api.speaking import unless_gone
from locutor.api.uploads import scratch_file
from locutor.audio.stream import encode, find_stream_format
from locutor.auth.scopes import Scope
from locutor.errors import OptionError
from locutor.serving.backend import SpeechCall
from locutor.text.languages import parse_language
from locutor.types import SpeechRequest
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


@dataclass(frozen=True)
class _Wanted:
    """What to say and how; None leaves it to the service."""

    text: str
    language: str | None
    profile: str | None
    model: str | None
    seed: int | None
    format: str


@router.post(
    "/synthesize-direct",
    response_class=Response,
    responses=_AUDIO | refusals(*SPEAKING),
    summary="Speak a text with a recording's voice",
)
async def synthesize_direct(
    request: Request,
    served: Served,
    text: Annotated[Text, Form()],
    speaker_wav: Annotated[UploadFile, File(description="A recording of the voice, 3 to 30 s.")],
    language: Annotated[Language | None, Form()] = None,
    quality_profile: Annotated[
        str | None, Form(max_length=120, description="An id, or fast, balanced, quality.")
    ] = None,
    ref_text: Annotated[str | None, Form(max_length=2000)] = None,
    model: Annotated[str | None, Form(max_length=120)] = None,
    seed: Annotated[Seed | None, Form()] = None,
    format: Annotated[StreamedFormat, Form()] = "wav",
) -> Response:
    """The recording is not kept."""
    async with contextmanager_in_threadpool(scratch_file(served, speaker_wav)) as path:
        voice = Voice.from_file(path, ref_text)
        wanted = _Wanted(text, language, quality_profile, model, seed, format)
        return await _speak(request, served, voice, wanted)


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
    """The same sentence for every voice, so that they can be compared; or a short text of your own."""
    voice = await run_sync(served.stores.voices.get, voice_id)
    tag = parse_language(language or voice.language or served.settings.lang)
    said = text or _PREVIEWS.get(tag)
    if said is None:
        raise OptionError(f"there is no preview sentence in {tag}; give a text")
    return await _speak(request, served, voice, _Wanted(said, tag, None, None, 1, format))


async def _speak(request: Request, served: Context, voice: Voice, wanted: _Wanted) -> Response:
    format, cancelled = find_stream_format(wanted.format), threading.Event()
    call = await run_sync(_call, served, voice, wanted, cancelled)
    spoken = await unless_gone(request, cancelled, served.limiter, partial(served.speech.speak, call))
    data = await run_sync(encode, spoken.waveform, format.name)
    headers = {
        "Content-Disposition": disposition("inline", f"speech{format.suffix}"),
        "X-Locutor-Seed": str(spoken.recipe.options["seed"]),
    }
    return Response(data, media_type=format.mime_type, headers=headers)


def _call(served: Context, voice: Voice, wanted: _Wanted, cancelled: threading.Event) -> SpeechCall:
    card = choose_model(served, wanted.model)
    profile = choose_profile(served, card, wanted.profile)
    said = SpeechRequest(
        text=check_length(served, wanted.text),
        language=parse_language(wanted.language or served.settings.lang),
        options=profile.options(seed=wanted.seed),
    )
    return SpeechCall.of(said, voice, model=card.id, cancelled=cancelled)
