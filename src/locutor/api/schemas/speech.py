"""OpenAI's speech API, with what Locutor adds."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.common import Language, Text, option
from locutor.api.schemas.profiles import ProfileParameters

StreamedFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm", "ogg", "m4a"]


class Parameters(ProfileParameters):
    """How to speak; what is left out is taken from the quality profile, else from the model."""

    model_config = ConfigDict(json_schema_extra={})

    fix_duration_s: float | None = option("fix_duration_s")
    seed: int | None = option("seed")


class VoiceId(BaseModel):
    """OpenAI's other way to name a voice."""

    id: Annotated[str, Field(min_length=1, max_length=120)]


class SpeechIn(Parameters):
    """A text to speak at once. Unknown fields are refused; `instructions` are what only OpenAI's models follow."""

    model: Annotated[str, Field(max_length=120, examples=["tts-1"])] = "tts-1"
    input: Text
    voice: Annotated[str, Field(min_length=1, max_length=120, examples=["alloy"])] | VoiceId = "alloy"
    instructions: Annotated[str, Field(max_length=4096, description="Accepted and not followed.")] | None = None
    response_format: StreamedFormat = "mp3"
    stream_format: Annotated[
        Literal["audio", "sse"], Field(description="Bytes of a file, or events with base64 of its pieces.")
    ] = "audio"
    stream: Annotated[
        bool, Field(description="Send audio as it is made; false waits and sends a file whose header is complete.")
    ] = True
    language: Language | None = None
    quality_profile: Annotated[str, Field(max_length=120)] | None = None
    normalize: bool = True

    @property
    def voice_id(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"model": "tts-1", "input": "Good morning!", "voice": "alloy", "response_format": "wav", "seed": 7}
            ]
        },
    )


class Model(BaseModel):
    """A model that can be asked for. Aliases are OpenAI's names for the service's own. requires: what it stands on."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    engine: str
    languages: list[str]
    licence: str
    commercial_use: bool
    installed: bool
    requires: list[str] = []
    alias_of: str | None = None


class Models(BaseModel):
    """What GET /v1/models answers."""

    object: Literal["list"] = "list"
    data: list[Model]


class NamedVoice(BaseModel):
    """A voice by id and name. model: that it comes with and needs; null for voices that speak with every model."""

    id: str
    name: str
    language: str | None = None
    model: str | None = None
    alias_of: str | None = None


class NamedVoices(BaseModel):
    """What GET /v1/audio/voices answers."""

    voices: list[NamedVoice]
