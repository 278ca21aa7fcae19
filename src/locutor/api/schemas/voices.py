"""Voices as clients see them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.common import Language, iso
from locutor.jobs.model import JobStatus
from locutor.voices.record import VoiceRecord
from locutor.voices.store import Voice

Permission = Literal["own", "granted", "synthetic", "licensed"]
Name = Annotated[str, Field(min_length=1, max_length=80, examples=["Ana"])]
Description = Annotated[str, Field(max_length=2000)]
Transcript = Annotated[str, Field(max_length=2000, description="What is said in the recording, word for word.")]


class ConsentOut(BaseModel):
    """Who may use a voice, and who confirmed that when."""

    permission: str
    given_by: str
    confirmed_at: datetime | None
    note: str = ""


class VoiceOut(BaseModel):
    """A voice. kind: preset (comes with Locutor), own (a folder), library (added here, can be changed), speaker (comes
    with `model`, speaks with it and what is built on it, and has no recording).

    report: what the reference doctor measured. warnings: full sentences on what will be heard in the clone.
    """

    id: str
    name: str
    kind: str
    description: str = ""
    language: str | None = None
    licence: str | None = None
    ref_text: str | None = None
    has_transcript: bool = False
    audio_url: str | None = None
    model: str | None = None
    duration: float | None = None
    report: dict[str, Any] | None = None
    warnings: list[str] = []
    consent: ConsentOut | None = None
    blend: list[dict[str, Any]] = []
    n_clips: int = 1
    usage_count: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_used_at: datetime | None = None

    @classmethod
    def of(cls, voice: Voice, record: VoiceRecord | None = None) -> "VoiceOut":
        """record: of a voice of the library."""
        out = cls(
            id=voice.id,
            name=voice.name or voice.id,
            kind=voice.kind,
            language=voice.language,
            licence=voice.licence,
            ref_text=voice.ref_text,
            has_transcript=bool(voice.ref_text),
            audio_url=None if voice.ref_audio is None else f"/voices/{voice.id}/audio",
            model=voice.model,
        )
        return out if record is None else out._with(record)

    def _with(self, record: VoiceRecord) -> "VoiceOut":
        consent = record.consent
        return self.model_copy(
            update={
                "description": record.description,
                "duration": record.duration_s,
                "report": record.report,
                "warnings": list(record.warnings),
                "consent": consent
                and ConsentOut(
                    permission=consent.permission,
                    given_by=consent.given_by,
                    confirmed_at=iso(consent.confirmed_at),
                    note=consent.note,
                ),
                "blend": list(record.blend),
                "n_clips": len(record.clips),
                "usage_count": record.usage_count,
                "created_at": iso(record.created_at),
                "updated_at": iso(record.updated_at),
                "last_used_at": iso(record.last_used_at),
            }
        )


class VoicePage(BaseModel):
    """total: of all voices, not of this page."""

    total: int
    voices: list[VoiceOut]


class ConsentIn(BaseModel):
    """permission: the speaker is the user (own), agreed (granted), is nobody (synthetic), or a licence allows it."""

    model_config = ConfigDict(extra="forbid")

    permission: Permission
    given_by: Annotated[str, Field(min_length=1, max_length=200)]
    note: Annotated[str, Field(max_length=2000)] = ""


class VoicePatch(BaseModel):
    """What to change of a voice of the library; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    description: Description | None = None
    language: Language | None = None
    ref_text: Transcript | None = None
    consent: ConsentIn | None = None


class BlendPart(BaseModel):
    """A voice and how much of it."""

    model_config = ConfigDict(extra="forbid")

    voice: Annotated[str, Field(min_length=1, max_length=120, examples=["default"])]
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0


class BlendIn(BaseModel):
    """2 to 5 recorded voices to be mixed."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Description = ""
    parts: Annotated[list[BlendPart], Field(min_length=2, max_length=5)]


class CloneStarted(BaseModel):
    """The voice's id is in the job's voice_id once it is completed."""

    message: str
    job_id: str
    status: JobStatus
    poll_url: str


class VoiceDeleted(BaseModel):
    """What DELETE /voices/{id} answers."""

    message: str
    voice_id: str


class DoctorOut(BaseModel):
    """What a recording is like. problem: why no voice can be made of it; null when one can."""

    usable: bool
    problem: str | None = None
    duration_s: float | None = None
    level_dbfs: float | None = None
    clipped_ratio: float | None = None
    snr_db: float | None = None
    speech_ratio: float | None = None
    speech_by: str | None = None
    bandwidth_hz: float | None = None
    warnings: list[str] = []
