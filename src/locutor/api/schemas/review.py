"""Runs and clips as a page shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.common import iso
from locutor.api.schemas.training import DatasetName
from locutor.datasets import Clip, Edit
from locutor.jobs.model import Job
from locutor.training.run_folder import RunFolder


class RunOut(BaseModel):
    """A run in a line. state: queued while its job waits for its turn."""

    model_name: str
    base: str
    method: str
    dataset: str
    language: str
    state: Literal["idle", "queued", "preparing", "running", "completed", "failed", "stopped"]
    epoch: int
    total_epochs: int
    progress: float
    loss: float | None
    updated_at: datetime | None
    job_id: str | None

    @classmethod
    def of(cls, folder: RunFolder, job: Job | None) -> "RunOut":
        config, now = folder.config(), folder.status()
        waits = job is not None and not job.status.is_final and now.state not in ("preparing", "running")
        return cls(
            model_name=folder.path.name,
            base=config.base,
            method=config.method,
            dataset=config.dataset.name,
            language=config.language,
            state="queued" if waits else now.state,  # type: ignore[arg-type]
            epoch=now.epoch,
            total_epochs=now.total_epochs or config.epochs or 0,
            progress=now.progress,
            loss=now.loss,
            updated_at=iso(now.updated_at or None),
            job_id=job.id if job else None,
        )


class Runs(BaseModel):
    """What GET /training/runs answers."""

    runs: list[RunOut]


class MakeIn(BaseModel):
    """All steps of a dataset; lengths of clips in seconds."""

    model_config = ConfigDict(extra="forbid")

    folder: DatasetName
    min_duration: float = Field(default=3.0, ge=0.5, le=15)
    max_duration: float = Field(default=12.0, ge=1, le=30)


class Histogram(BaseModel):
    """How many values lie between two edges; one edge more than counts."""

    edges: list[float]
    counts: list[int]


class ClipOut(BaseModel):
    """A clip. kept: whether the next build takes it. reasons: full sentences on why not. cer: share of letters in
    which what was heard differs from the given text. audio_url: plays it."""

    id: str
    text: str
    heard: str | None
    duration_s: float
    snr_db: float | None
    speaker_similarity: float | None
    cer: float | None
    kept: bool
    edited: bool
    reasons: list[str]
    audio_url: str

    @classmethod
    def of(cls, dataset: str, clip: Clip, edit: Edit | None) -> "ClipOut":
        by_hand = edit.keep if edit else None
        text = edit.text if edit and edit.text is not None else clip.text or clip.given or ""
        return cls(
            id=clip.id,
            text=text or (clip.heard.text if clip.heard else ""),
            heard=clip.heard.text if clip.heard else None,
            duration_s=clip.duration_s,
            snr_db=clip.measures.snr_db if clip.measures else None,
            speaker_similarity=clip.measures.speaker_similarity if clip.measures else None,
            cer=clip.heard.cer if clip.heard else None,
            kept=clip.is_kept if by_hand is None else by_hand,
            edited=clip.edited or (edit is not None and edit.text is not None),
            reasons=[problem.sentence for problem in clip.problems] + ([clip.error] if clip.error else []),
            audio_url=f"/training/dataset/{dataset}/clips/{clip.id}",
        )


class ClipPatch(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    kept: bool | None = None


class ClipPage(BaseModel):
    """total: of all that match, not of this page. lengths: of all clips, in seconds."""

    total: int
    clips: list[ClipOut]
    lengths: Histogram
    noise: Histogram
