"""Jobs: speech that is made in the background and kept until its time is over."""

import asyncio
import time
from dataclasses import replace
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Form, Header, Query, Response
from fastapi.responses import FileResponse
from pydantic import ConfigDict, Field, StringConstraints

from locutor.api.choices import choose_engine, order_of
from locutor.api.deps import Context, Served, allow
from locutor.api.errors import ApiError
from locutor.api.files import audio_file, encoded_file, n_peaks, peaks_of
from locutor.api.job_scopes import may_change
from locutor.api.schemas.common import Id, Language, Responses, Text, leads_to, refusals
from locutor.api.schemas.jobs import (
    FormatOut,
    JobDeleted,
    JobFormats,
    JobOut,
    JobPage,
    Peaks,
)
from locutor.api.schemas.speech import Parameters
from locutor.audio.stream import STREAM_FORMATS, find_stream_format
from locutor.auth.scopes import Scope
from locutor.errors import MissingExtraError, OptionError
from locutor.jobs.model import Job, JobStatus
from locutor.orders import SpeechOrder, place
from locutor.storage.database import now
from locutor.tasks import SYNTHESIZE
from locutor.text.languages import parse_language

router = APIRouter(prefix="/jobs", tags=["Jobs"], dependencies=[Depends(allow(Scope.SPEAK))])

_POLL_S = 0.1
_ON_A_JOB = ("one", "download", "formats", "audio", "peaks", "cancel", "retry", "of_one", "delete")
_LINKS = leads_to({"job_id": "id"}, *(f"jobs_{name}" for name in _ON_A_JOB))
_LOSSLESS = frozenset({"wav", "flac", "pcm"})


_CHANGE: dict[str, Any] = {"responses": refusals(404, 409), "dependencies": [Depends(may_change)]}
Kind = Annotated[str, StringConstraints(max_length=40)]


class JobForm(Parameters):
    """The form of POST /jobs. voice_id is used with mode dubbing_with_clone, voice_preset with dubbing."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    source_language: Language | None = None
    target_language: Language | None = None
    mode: Literal["dubbing", "dubbing_with_clone"] | None = None
    voice_preset: Annotated[str, Field(max_length=120)] | None = None
    voice_id: Annotated[str, Field(max_length=120)] | None = None
    tts_engine: Annotated[str, Field(max_length=40, examples=["builtin"])] | None = None
    model: Annotated[str, Field(max_length=120)] | None = None
    ref_text: Annotated[str, Field(max_length=2000)] | None = None
    quality_profile_id: Annotated[str, Field(max_length=120)] | None = None
    normalize: bool = True
    format: Literal["wav", "flac"] = "wav"

    def speaks_with(self, default: str) -> str:
        """The voice's id; OptionError when the mode needs one that was not given."""
        if self.mode == "dubbing_with_clone" and self.voice_id is None:
            raise OptionError("mode dubbing_with_clone needs voice_id, an id of GET /voices")
        if self.mode == "dubbing" and self.voice_id is not None:
            raise OptionError("mode dubbing speaks with voice_preset; give mode dubbing_with_clone to use voice_id")
        return self.voice_id or self.voice_preset or default


@router.post(
    "", response_model=JobOut, responses={200: _LINKS, **refusals(404, 409, 507)}, summary="Queue a text to be spoken"
)
def create(
    form: Annotated[JobForm, Form()],
    served: Served,
    idempotency_key: Annotated[
        str | None, Header(max_length=120, description="A second try makes no second job.")
    ] = None,
) -> JobOut:
    order = job_order(served, form)
    placed = place(served.stores, order, served.settings.model)
    order = replace(order, profile=placed.profile.id)  # the default one may be another when the job's turn comes
    key = None if idempotency_key is None else f"client:{idempotency_key}"
    return JobOut.of(served.stores.jobs.submit(SYNTHESIZE, order.to_params(), key=key, ttl_s=served.job_ttl_s))


def job_order(served: Context, form: JobForm) -> SpeechOrder:
    """What the job is to speak, with what only the client needs to see again."""
    model = form.model
    if model is None and form.tts_engine is not None:
        model = choose_engine(served, form.tts_engine)
    order = order_of(
        served,
        form.text,
        voice=form.speaks_with(served.settings.voice),
        language=form.target_language or form.source_language,
        model=model,
        profile=form.quality_profile_id,
        parameters=form.model_dump(include=set(Parameters.model_fields)),
        normalize=form.normalize,
    )
    client = {
        "mode": form.mode or ("dubbing" if form.voice_id is None else "dubbing_with_clone"),
        "source_language": form.source_language,
        "voice_preset": form.voice_preset,
        "tts_engine": form.tts_engine,
    }
    return replace(
        order, language=parse_language(order.language), format=form.format, ref_text=form.ref_text, client=client
    )


@router.get("", response_model=JobPage, responses=refusals(), summary="Jobs, newest first")
def page(
    served: Served,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    status: JobStatus | None = None,
    kind: Annotated[list[Kind] | None, Query(max_length=20, description="May be given more than once.")] = None,
    q: Annotated[str | None, Query(min_length=1, max_length=200, description="In its id, text or name.")] = None,
) -> JobPage:
    jobs = served.stores.jobs
    found = jobs.list(limit=limit, offset=offset, status=status, kinds=kind, words=q)
    return JobPage(total=jobs.count(status=status, kinds=kind, words=q), jobs=[JobOut.of(job) for job in found])


@router.get("/{job_id}", response_model=JobOut, responses=refusals(404, 410), summary="A job")
def one(job_id: Id, served: Served) -> JobOut:
    return JobOut.of(live_job(served, job_id))


def live_job(served: Context, job_id: str) -> Job:
    """The job, unless its time is over."""
    job = served.stores.jobs.get(job_id)
    if job.expires_at is not None and job.expires_at < now():
        raise ApiError(410, "ExpiredError", f"the time to live of job {job_id} is over")
    return job


@router.delete("/{job_id}", response_model=JobDeleted, **_CHANGE, summary="Delete a job and its files")
def delete(job_id: Id, served: Served) -> JobDeleted:
    n_files = served.stores.jobs.delete(job_id)
    return JobDeleted(message="deleted", job_id=job_id, files_deleted=n_files)


@router.post("/{job_id}/cancel", response_model=JobOut, **_CHANGE, summary="Stop a job")
def cancel(job_id: Id, served: Served) -> JobOut:
    """A queued job is cancelled at once, a running one within a second."""
    return JobOut.of(served.stores.jobs.cancel(job_id))


@router.post("/{job_id}/retry", response_model=JobOut, **_CHANGE, summary="Queue a failed job again")
def retry(job_id: Id, served: Served) -> JobOut:
    return JobOut.of(served.stores.jobs.retry(job_id))


@router.get("/{job_id}/formats", response_model=JobFormats, responses=refusals(404, 409, 410, 425), summary="Formats")
def formats(job_id: Id, served: Served) -> JobFormats:
    """What the job's audio can be downloaded as."""
    _audio_of(live_job(served, job_id))
    return JobFormats(
        job_id=job_id,
        formats=[_format(name) for name in STREAM_FORMATS],
        download_url_template=f"/jobs/{job_id}/download?format={{format}}",
    )


def _format(name: str) -> FormatOut:
    format = STREAM_FORMATS[name]
    try:
        available = bool(find_stream_format(name))
    except MissingExtraError:
        available = False
    return FormatOut(
        format=name,
        name=name.upper(),
        mime_type=format.mime_type,
        quality="lossless" if name in _LOSSLESS else "lossy",
        description=format.description,
        available=available,
    )


_AUDIO: Responses = {
    200: {
        "description": "The file.",
        "content": {
            f.mime_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for f in STREAM_FORMATS.values()
        },
    },
    206: {"description": "The part of the file that a Range header asked for."},
    416: {"description": "A Range beyond the file."},
}


@router.get(
    "/{job_id}/download",
    response_class=Response,
    responses={200: _AUDIO[200], **refusals(404, 408, 409, 410, 425)},
    summary="Wait for a job and download its audio",
)
async def download(
    job_id: Id,
    served: Served,
    format: Annotated[str, Query(max_length=20, description="wav, mp3, ogg, flac, opus, pcm, m4a or aac.")] = "wav",
    timeout: Annotated[float, Query(ge=0, le=600, description="Seconds to wait for the job; 0 does not wait.")] = 0,
) -> Response:
    """m4a and aac need the extra `codecs`; without it the answer is 400 and names it."""
    find_stream_format(format)
    job = await _ended(served, job_id, timeout)
    return await run_sync(encoded_file, served, _audio_of(job), format, f"dubbed_{job_id}")


async def _ended(served: Context, job_id: str, timeout_s: float) -> Job:
    end = time.monotonic() + timeout_s
    while not (job := await run_sync(live_job, served, job_id)).status.is_final:
        if time.monotonic() >= end:
            if timeout_s:
                raise ApiError(408, "WaitError", f"job {job_id} is still {job.status} after {timeout_s:g} s")
            raise ApiError(425, "NotReadyError", f"job {job_id} is {job.status}; wait for it, or give a timeout")
        await asyncio.sleep(_POLL_S)
    return job


def _audio_of(job: Job) -> str:
    """The artefact of the job's audio."""
    if not job.status.is_final:
        raise ApiError(425, "NotReadyError", f"job {job.id} is {job.status}; wait for it")
    if "audio" not in job.outputs:
        reason = f": {job.error}" if job.error else ""
        raise ApiError(409, "NoAudioError", f"job {job.id} is {job.status} and has no audio{reason}")
    return job.outputs["audio"]


@router.get(
    "/{job_id}/audio",
    response_class=FileResponse,
    responses=_AUDIO | refusals(404, 409, 410, 425),
    summary="A job's audio, as it was made",
)
def audio(job_id: Id, served: Served) -> FileResponse:
    """For players: Range requests are answered."""
    return audio_file(served, _audio_of(live_job(served, job_id)))


@router.get("/{job_id}/peaks", response_model=Peaks, responses=refusals(404, 409, 410, 425), summary="Its waveform")
def peaks(job_id: Id, served: Served, n: n_peaks = 800) -> Peaks:
    return peaks_of(served, _audio_of(live_job(served, job_id)), n)
