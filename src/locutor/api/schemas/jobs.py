"""Jobs as clients of the original see them, with what Locutor adds."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from locutor.api.schemas.common import iso
from locutor.jobs.model import Job, JobEvent, JobStatus
from locutor.tasks import CLONE_VOICE


class JobOut(BaseModel):
    """A job. audio_url: where its audio is, once completed. recipe: what it takes to make the same again."""

    id: str = Field(examples=["job_2b1f0c9e8d7a6b5c4d3e"])
    kind: str = Field(description="synthesize, clone_voice, ...")
    mode: Literal["dubbing", "dubbing_with_clone", "clone_voice"] | None = None
    status: JobStatus
    progress: float = Field(ge=0, le=100)
    message: str
    attempts: int
    text: str | None = None
    subject: str | None = Field(
        default=None, description="Which dataset, run or model it is about; a batch's first text."
    )
    source_language: str | None = None
    target_language: str | None = None
    voice_preset: str | None = None
    voice_id: str | None = None
    voice_name: str | None = None
    voice_description: str | None = None
    ref_text: str | None = None
    tts_engine: str | None = None
    tts_engine_used: str | None = None
    model: str | None = None
    quality_profile: str | None = None
    options: dict[str, Any] | None = None
    normalize: bool | None = Field(default=None, description="Whether numbers, dates and units are read out.")
    audio_url: str | None = None
    zip_url: str | None = None
    duration: float | None = Field(default=None, description="Seconds of audio.")
    warnings: list[str] = []
    recipe: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    error_message: str | None = None
    error_kind: str | None = None
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> "JobOut":
        params, result, recipe = job.params, job.result or {}, job.recipe or {}
        client = params.get("client") or {}
        created_at = iso(job.created_at)
        assert created_at is not None
        return cls(
            id=job.id,
            kind=job.kind,
            mode="clone_voice" if job.kind == CLONE_VOICE else client.get("mode"),
            status=job.status,
            progress=min(100.0, max(0.0, job.progress)),
            message=job.message,
            attempts=job.attempts,
            text=params.get("text"),
            subject=_subject(params),
            source_language=client.get("source_language"),
            target_language=params.get("language") if job.kind != CLONE_VOICE else None,
            voice_preset=client.get("voice_preset"),
            voice_id=result.get("voice_id") or params.get("voice"),
            voice_name=params.get("name"),
            voice_description=params.get("description"),
            ref_text=params.get("ref_text"),
            tts_engine=client.get("tts_engine"),
            tts_engine_used=recipe.get("engine"),
            model=recipe.get("model") or params.get("model"),
            quality_profile=recipe.get("profile") or params.get("profile"),
            options=recipe.get("options") or params.get("options"),
            normalize=params.get("normalize"),
            audio_url=f"/jobs/{job.id}/audio" if "audio" in job.outputs else None,
            zip_url=f"/jobs/{job.id}/zip" if "zip" in job.outputs else None,
            duration=result.get("duration_s"),
            warnings=result.get("warnings") or [],
            recipe=job.recipe,
            result=job.result,
            error_message=job.error,
            error_kind=job.error_kind,
            cancel_requested=job.cancel_requested,
            created_at=created_at,
            started_at=iso(job.started_at),
            completed_at=iso(job.finished_at),
            expires_at=iso(job.expires_at),
        )


def _subject(params: dict[str, Any]) -> str | None:
    if rows := params.get("rows"):
        return str(rows[0]["text"])
    return next((str(params[name]) for name in ("dataset", "run", "id", "model") if params.get(name)), None)


class JobPage(BaseModel):
    """Newest first. total: of all jobs that match, not of this page."""

    total: int
    jobs: list[JobOut]


class JobDeleted(BaseModel):
    """What DELETE /jobs/{id} answers."""

    message: str
    job_id: str
    files_deleted: int


class FormatOut(BaseModel):
    """A format that a job's audio can be had in."""

    format: str
    name: str
    mime_type: str
    quality: str
    description: str
    available: bool = Field(description="false: it needs an extra that is not installed here.")


class JobFormats(BaseModel):
    """What GET /jobs/{id}/formats answers."""

    job_id: str
    formats: list[FormatOut]
    download_url_template: str


class EventOut(BaseModel):
    """The data of a server-sent event."""

    id: int
    job_id: str
    at: datetime
    status: JobStatus
    progress: float
    message: str

    @classmethod
    def of(cls, event: JobEvent) -> "EventOut":
        at = iso(event.at)
        assert at is not None
        return cls(
            id=event.id, job_id=event.job_id, at=at, status=event.status, progress=event.progress, message=event.message
        )


class Peaks(BaseModel):
    """The waveform for drawing: lowest and highest sample of each of n equal stretches, within -1 to 1."""

    duration: float
    sample_rate: int
    n: int
    low: list[Annotated[float, Field(ge=-1, le=1)]]
    high: list[Annotated[float, Field(ge=-1, le=1)]]
