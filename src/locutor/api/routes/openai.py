"""OpenAI's speech API: what its own clients and many other programs call."""

import base64
import json
import threading
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from locutor.api.choices import MODEL_ALIASES, order_of, speaking_cards
from locutor.api.deps import Context, Served, allow
from locutor.api.errors import ApiError
from locutor.api.schemas.common import EVENT, SPEAKING, Id, Responses, refusals
from locutor.api.schemas.speech import Model, Models, NamedVoice, NamedVoices, Parameters, SpeechIn
from locutor.api.speaking import RECIPE_HEADER, SpokenFile, SpokenResponse, recipe_header, unless_gone
from locutor.audio.stream import encode, find_stream_format
from locutor.auth.scopes import Scope
from locutor.engines.card import ModelCard
from locutor.orders import place
from locutor.serving.backend import SpeechCall, SpeechStream
from locutor.serving.recipe import Speech
from locutor.voices.aliases import aliased

router = APIRouter(prefix="/v1", tags=["OpenAI"], dependencies=[Depends(allow(Scope.SPEAK))])

_AUDIO: Responses = {
    200: {
        "description": "Audio of the format that was asked for, in pieces; or events whose data is JSON.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("audio/mpeg", "audio/ogg", "audio/flac", "audio/wav", "audio/pcm", "audio/aac", "audio/mp4")
        }
        | {"text/event-stream": EVENT},
    }
}


@router.post(
    "/audio/speech",
    response_class=StreamingResponse,
    responses=_AUDIO | refusals(*SPEAKING, openai=True),
    summary="Speak a text",
)
async def speech(body: SpeechIn, request: Request, served: Served) -> Response:
    cancelled = threading.Event()
    if body.stream or body.stream_format == "sse":
        # Waits for the first piece: what can be refused is refused before the answer begins.
        file = await unless_gone(request, cancelled, served.limiter, partial(_begun, served, body, cancelled))
        return _streamed(served, body, file, cancelled)
    spoken, data = await unless_gone(request, cancelled, served.limiter, partial(_whole, served, body, cancelled))
    return Response(data, media_type=_mime_type(body), headers={RECIPE_HEADER: recipe_header(spoken)})


def _streamed(served: Context, body: SpeechIn, file: SpokenFile, cancelled: threading.Event) -> Response:
    if file.is_over and body.stream_format == "audio":
        return Response(file.first, media_type=_mime_type(body))
    chunks = file.chunks(served.limiter)
    if body.stream_format == "sse":
        events = _events(chunks, file.stream)
        return SpokenResponse(file, events, "text/event-stream", cancelled, headers=_UNBUFFERED)
    return SpokenResponse(file, chunks, _mime_type(body), cancelled)


def _whole(served: Context, body: SpeechIn, cancelled: threading.Event) -> tuple[Speech, bytes]:
    spoken = served.speech.speak(_call(served, body, cancelled))
    return spoken, encode(spoken.waveform, body.response_format)


def _begun(served: Context, body: SpeechIn, cancelled: threading.Event) -> SpokenFile:
    return SpokenFile.begin(served.speech, _call(served, body, cancelled, early=True), body.response_format)


def _mime_type(body: SpeechIn) -> str:
    return find_stream_format(body.response_format).mime_type


def _call(served: Context, body: SpeechIn, cancelled: threading.Event, *, early: bool = False) -> SpeechCall:
    find_stream_format(body.response_format)
    order = order_of(
        served,
        body.input,
        voice=body.voice_id,
        language=body.language,
        model=body.model,
        profile=body.quality_profile,
        parameters=body.model_dump(include=set(Parameters.model_fields)),
        normalize=body.normalize,
    )
    placed = place(served.stores, order, served.settings.model, early=early, cancelled=cancelled)
    served.stores.voices.used(placed.voices)
    return placed.call


_UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def _events(chunks: AsyncIterator[bytes], stream: SpeechStream) -> AsyncIterator[str]:
    async for chunk in chunks:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
    recipe = stream.recipe
    n_in, n_out = (len(recipe.text), round(recipe.duration_s * 50)) if recipe else (0, 0)
    usage = {"input_tokens": n_in, "output_tokens": n_out, "total_tokens": n_in + n_out}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


@router.get("/models", response_model=Models, responses=refusals(openai=True), summary="Models")
def models(served: Served) -> Models:
    """Installed models, and OpenAI's names for the service's own."""
    return Models(data=[*_installed(served), *_model_aliases(served)])


@router.get("/models/{model_id}", response_model=Model, responses=refusals(404, openai=True), summary="A model")
def model(model_id: Id, served: Served) -> Model:
    found = {m.id: m for m in (*_installed(served), *_model_aliases(served))}
    if model_id not in found:
        raise ApiError(404, "NotFoundError", f"no model {model_id!r} is installed; there are {', '.join(found)}")
    return found[model_id]


@router.get("/audio/models", response_model=Models, responses=refusals(openai=True), summary="Models that speak")
def audio_models(served: Served) -> Models:
    return models(served)


@router.get("/audio/voices", response_model=NamedVoices, responses=refusals(openai=True), summary="Voices")
def voices(served: Served) -> NamedVoices:
    """Voices by id and name, those that models bring along included, and OpenAI's thirteen names with the voice each
    stands for."""
    found = served.stores.voices.list()
    own = [NamedVoice(id=v.id, name=v.name or v.id, language=v.language, model=v.model) for v in found]
    aliases = [NamedVoice(id=a, name=a, language=v.language, alias_of=v.id) for a, v in aliased(found).items()]
    return NamedVoices(voices=own + aliases)


def _installed(served: Context) -> list[Model]:
    is_installed = served.stores.checkpoints.is_installed
    return [_model(card.id, card) for card in speaking_cards(served) if is_installed(card.id)]


def _model_aliases(served: Context) -> list[Model]:
    card = served.stores.checkpoints.card(served.settings.model)
    return [_model(alias, card, alias_of=card.id) for alias in MODEL_ALIASES]


def _model(name: str, card: ModelCard, alias_of: str | None = None) -> Model:
    return Model(
        id=name,
        created=0,
        owned_by="locutor",
        engine=card.engine,
        languages=list(card.languages),
        licence=card.licence,
        commercial_use=card.commercial_use,
        installed=True,
        requires=list(card.requires),
        alias_of=alias_of,
    )
