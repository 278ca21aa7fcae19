"""Datasets, runs and saved models as clients of the original see them, with what Locutor adds.

Wherever the original had file paths, `path` is an id of this service or a URL of it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from locutor.api.schemas.common import iso
from locutor.jobs.model import Job, JobStatus
from locutor.runs.catalog import Sample, SavedModel

MB = 1_000_000
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="Name of a dataset.")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000), Field(description="What to say.")]
CheckpointId = Annotated[str, Field(min_length=1, max_length=120, description="RUN/NAME, or RUN/base.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DownloadIn(_Body):
    """urls: of the sites that are allowed. folder: the dataset, made when it is not there."""

    urls: list[Annotated[str, Field(max_length=2000)]] = Field(min_length=1, max_length=100)
    folder: DatasetName = "my_voice"
    language: Annotated[str, Field(max_length=40)] = "en"
    subtitles: Annotated[str, Field(max_length=40)] | None = None


class SegmentIn(_Body):
    """vad_threshold: probability at which silero VAD hears speech; the original's levels in dBFS are refused."""

    folder: DatasetName
    min_duration: float = Field(default=3.0, ge=0.5, le=15)
    max_duration: float = Field(default=12.0, ge=1, le=30)
    vad_threshold: float = Field(default=0.5, ge=0.05, le=0.95)


class FolderIn(_Body):
    folder: DatasetName


class BuildIn(_Body):
    """val_share: of the clips, held out. min_snr_db: clips with more noise are dropped."""

    folder: DatasetName
    val_share: float = Field(default=0.05, ge=0, le=0.5)
    min_snr_db: float = Field(default=10.0, ge=-20, le=60)


class TaskStarted(BaseModel):
    """A job was queued: follow it at GET /jobs/{job_id}."""

    status: Literal["started"] = "started"
    job_id: str
    folder: str
    poll_url: str

    @classmethod
    def of(cls, job: Job, folder: str) -> "TaskStarted":
        return cls(job_id=job.id, folder=folder, poll_url=f"/jobs/{job.id}")


class DatasetOut(BaseModel):
    """path: the dataset's name, which is its id. files: clips that are built."""

    name: str
    path: str
    language: str
    files: int
    has_metadata: bool
    duration_seconds: float


class Datasets(BaseModel):
    datasets: list[DatasetOut]


class DatasetStats(BaseModel):
    """Figures of one dataset."""

    name: str
    files: int
    transcribed: int
    duration_seconds: float
    details: dict[str, Any]


class DatasetsStats(BaseModel):
    files: int
    total_hours: float
    transcribed_percent: float
    datasets: list[DatasetStats]


class DatasetFile(BaseModel):
    """path: a URL that plays it."""

    name: str
    size: int
    path: str
    text: str


class DatasetFiles(BaseModel):
    files: list[DatasetFile]


class TrainingIn(_Body):
    """dataset_folder: name of a built dataset. What is left out is chosen by the engine or by the preflight.

    evaluate: measure what every saved model sounds like, on evaluated_texts held-out texts. record: replay recorded
    steps, on CUDA where the engine can."""

    model_name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    dataset_folder: DatasetName
    base: Annotated[str, Field(max_length=120)] = "builtin"
    method: Literal["full", "lora"] = "full"
    epochs: int | None = Field(default=None, ge=1, le=1000)
    batch_size: int | None = Field(default=None, ge=1, le=64)
    accumulation: int | None = Field(default=None, ge=1, le=64)
    learning_rate: float | None = Field(default=None, ge=1e-6, le=1e-2)
    precision: Literal["auto", "fp32", "bf16"] | None = None
    compile: bool = False
    record: bool = True
    rank: int | None = Field(default=None, ge=1, le=256)
    alpha: float | None = Field(default=None, gt=0, le=1024)
    max_train_samples: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    save_every: int | None = Field(default=None, ge=1)
    log_every: int | None = Field(default=None, ge=1)
    keep_last: int | None = Field(default=None, ge=1, le=1000)
    sample_text: Annotated[str, Field(max_length=180)] | None = None
    evaluate: bool = True
    evaluated_texts: int | None = Field(default=None, ge=1, le=1000)
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    use_deepspeed: Literal[False] = Field(default=False, description="Not offered; only false is taken.")


class RunName(_Body):
    model_name: Annotated[str, Field(max_length=40)]


class TrainingStarted(BaseModel):
    """output_folder: the run's name, under which its checkpoints and samples are listed."""

    status: Literal["started"] = "started"
    model_name: str
    output_folder: str
    job_id: str


class TrainingStopped(BaseModel):
    """The run ends within seconds; its state is saved and can be resumed."""

    status: Literal["stopped", "idle"]
    model_name: str | None


class TrainingStatus(BaseModel):
    """progress: 0 to 100. left_s: estimate. logs: the last 50 lines."""

    state: Literal["idle", "running", "completed", "failed", "stopped"]
    model_name: str | None = None
    job_id: str | None = None
    epoch: int = 0
    total_epochs: int = 0
    step: int = 0
    total_steps: int = 0
    loss: float | None = None
    progress: float = 0.0
    left_s: float | None = None
    message: str = ""
    error: str | None = None
    logs: str = ""


class Logs(BaseModel):
    logs: str


class CheckpointOut(BaseModel):
    """path: the id to name it by in other requests. stands_for: model_best, model_last."""

    name: str
    path: str
    model_name: str
    epoch: int | None
    date: datetime
    size_mb: float
    held_out_loss: float | None
    method: str | None
    stands_for: list[str]
    figures: dict[str, float] | None = Field(description="What was measured of it: wer, cer, sim, mos and others.")
    best_because: str | None = Field(description="Why it is the best of its run, on the one that is.")

    @classmethod
    def of(cls, model: SavedModel, figures: dict[str, float] | None, best_because: str | None) -> "CheckpointOut":
        date = iso(model.created_at)
        assert date is not None
        return cls(
            name=model.name,
            path=model.id,
            model_name=model.run,
            epoch=model.epoch,
            date=date,
            size_mb=round(model.n_bytes / MB, 2),
            held_out_loss=model.facts.held_out.get("loss") if model.facts else None,
            method=model.facts.method if model.facts else None,
            stands_for=list(model.links),
            figures=figures,
            best_because=best_because,
        )


class PromoteIn(_Body):
    checkpoint: CheckpointId
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Promoted(BaseModel):
    """model: an id of GET /models."""

    model: str


class Compared(BaseModel):
    """A job whose result holds `best`, an id, `why`, and `figures` of every model by its id."""

    job_id: str


class Loaded(BaseModel):
    status: Literal["loaded"] = "loaded"
    checkpoint: str


class SampleOut(BaseModel):
    """path, reference: URLs that play."""

    epoch: int
    filename: str
    path: str
    reference: str
    size_mb: float
    date: datetime
    model_name: str

    @classmethod
    def of(cls, sample: Sample) -> "SampleOut":
        stat = sample.path.stat()
        date = iso(stat.st_mtime)
        assert date is not None
        root = f"/training/samples/{sample.run}"
        return cls(
            epoch=sample.epoch,
            filename=sample.filename,
            path=f"{root}/{sample.filename}",
            reference=f"{root}/{sample.reference.name}",
            size_mb=round(stat.st_size / MB, 3),
            date=date,
            model_name=sample.run,
        )


class InferenceIn(_Body):
    """checkpoint: RUN/NAME, or RUN/base. speaker_wav: id of a voice, else the voice of the run."""

    checkpoint: CheckpointId
    text: Text
    speaker_wav: Annotated[str, Field(max_length=120)] | None = None
    speed: float = Field(default=1.0, ge=0.5, le=2)
    seed: int = Field(default=0, ge=0, lt=2**32)


class InferenceOut(BaseModel):
    """audio_url: plays once the job is done (425 before)."""

    status: JobStatus
    job_id: str
    audio_url: str
    text: str


class AbTestIn(_Body):
    """checkpoint against `base`, the model its run began with unless told otherwise."""

    checkpoint: CheckpointId
    text: Text
    base: CheckpointId | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)


class AbTestOut(BaseModel):
    """base_audio, finetuned_audio: URLs that play once the job is done. similarity, mfcc_score: of the fine-tuned clip
    to the voice, in percent; figures: everything measured of both; methods: how."""

    status: JobStatus
    job_id: str
    base_audio: str
    finetuned_audio: str
    similarity: float | None = None
    mfcc_score: float | None = None
    figures: dict[str, dict[str, float]] | None = None
    methods: dict[str, str] | None = None
    error: str | None = None

    @classmethod
    def of(cls, job: Job) -> "AbTestOut":
        url, result = f"/training/inference/ab-test/{job.id}", job.result or {}
        figures = result.get("figures")
        own = figures["b"] if figures else {}
        return cls(
            status=job.status,
            job_id=job.id,
            base_audio=f"{url}/base",
            finetuned_audio=f"{url}/finetuned",
            similarity=100 * own["sim"] if "sim" in own else None,
            mfcc_score=100 * own["mfcc"] if "mfcc" in own else None,
            figures=None if figures is None else {"base": figures["a"], "finetuned": own},
            methods=result.get("methods"),
            error=job.error,
        )
