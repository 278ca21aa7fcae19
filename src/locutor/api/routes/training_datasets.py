"""Datasets: recordings in, step by step, as jobs; figures and clips out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from fastapi.responses import FileResponse

from locutor.api.deps import Context, Served, allow
from locutor.api.files import disposition
from locutor.api.schemas.common import Id, Language, refusals
from locutor.api.schemas.training import (
    BuildIn,
    DatasetFile,
    DatasetFiles,
    DatasetName,
    DatasetOut,
    Datasets,
    DatasetsStats,
    DatasetStats,
    DownloadIn,
    FolderIn,
    SegmentIn,
    TaskStarted,
)
from locutor.api.uploads import staged
from locutor.auth.scopes import Scope
from locutor.bootstrap import dataset_store
from locutor.datasets import Dataset, DatasetStore, stats
from locutor.errors import NotFoundError
from locutor.runs.dataset_tasks import BUILD, DOWNLOAD, SEGMENT, TRANSCRIBE, UPLOAD

router = APIRouter(prefix="/training", tags=["Datasets"], dependencies=[Depends(allow(Scope.TRAIN))])

_UPLOADS = "Recordings, up to 10 minutes each, and transcripts beside them: name.txt, .lab, .srt or .vtt."
Folder = Annotated[str, Query(max_length=64, description="Name of a dataset.")]


def store(served: Context) -> DatasetStore:
    return dataset_store(served.settings)


@router.get("/datasets", response_model=Datasets, responses=refusals(), summary="Datasets")
def all_datasets(served: Served) -> Datasets:
    return Datasets(datasets=[_shown(dataset) for dataset in store(served).list()])


@router.post("/dataset/download", response_model=TaskStarted, responses=refusals(507), summary="Fetch from the web")
def download(body: DownloadIn, served: Served) -> TaskStarted:
    """Only sites that are allowed, by yt-dlp of the extra `download`; then the sound is imported."""
    params = {"urls": body.urls, "language": body.language, "subtitles": body.subtitles}
    return _start(served, DOWNLOAD, body.folder, params)


@router.post("/dataset/upload", response_model=TaskStarted, responses=refusals(507), summary="Send recordings")
def upload(
    served: Served,
    file: Annotated[
        list[UploadFile],
        File(
            description="Recordings, up to 10 minutes each, and transcripts beside them: name.txt, .lab, .srt, .vtt.",
            min_length=1,
        ),
    ],
    folder: Annotated[DatasetName, Form()],
    language: Annotated[Language, Form()] = "en",
) -> TaskStarted:
    with staged(served, file, transcripts=True) as uploads:
        clips = [{"artefact": upload.id, "filename": upload.filename} for upload in uploads]
        params = {"clips": clips, "language": language, "dataset": folder}
        job = served.stores.jobs.submit(UPLOAD, params, max_attempts=1, ttl_s=served.job_ttl_s, uploads=uploads)
    return TaskStarted.of(job, folder)


@router.post("/dataset/segment", response_model=TaskStarted, responses=refusals(404), summary="Cut into clips")
def segment(body: SegmentIn, served: Served) -> TaskStarted:
    dataset = store(served).get(body.folder)
    params = {"min_s": body.min_duration, "max_s": body.max_duration, "threshold": body.vad_threshold}
    return _start(served, SEGMENT, dataset.name, params)


@router.post("/dataset/transcribe", response_model=TaskStarted, responses=refusals(404), summary="Write down")
def transcribe(body: FolderIn, served: Served) -> TaskStarted:
    return _start(served, TRANSCRIBE, store(served).get(body.folder).name, {})


@router.post("/dataset/build", response_model=TaskStarted, responses=refusals(404), summary="Filter and build")
def build(body: BuildIn, served: Served) -> TaskStarted:
    params = {"val_share": body.val_share, "min_snr_db": body.min_snr_db}
    return _start(served, BUILD, store(served).get(body.folder).name, params)


@router.get("/dataset/stats", response_model=DatasetsStats, responses=refusals(404), summary="Figures")
def figures(served: Served, folder: Folder | None = None) -> DatasetsStats:
    """Of one dataset, or of all."""
    found = store(served)
    each = [stats(dataset) for dataset in ([found.get(folder)] if folder else found.list())]
    n_clips = sum(one.n_clips for one in each)
    return DatasetsStats(
        files=sum(one.n_built for one in each),
        total_hours=sum(one.duration_s for one in each) / 3600,
        transcribed_percent=100 * sum(one.n_transcribed for one in each) / n_clips if n_clips else 0.0,
        datasets=[
            DatasetStats(
                name=one.name,
                files=one.n_built,
                transcribed=one.n_transcribed,
                duration_seconds=one.duration_s,
                details=vars(one) | {"speakers": list(one.speakers)},
            )
            for one in each
        ],
    )


@router.get("/dataset/files", response_model=DatasetFiles, responses=refusals(404), summary="Clips of a dataset")
def files(served: Served, folder: Folder, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> DatasetFiles:
    dataset = store(served).get(folder)
    shown = []
    for name, text in list(_texts(dataset).items())[:limit]:
        path = dataset.wavs / name
        url = f"/training/dataset/{dataset.name}/wavs/{name}"
        shown.append(DatasetFile(name=name, size=path.stat().st_size, path=url, text=text))
    return DatasetFiles(files=shown)


@router.get(
    "/dataset/{folder}/wavs/{name}", response_class=FileResponse, responses=refusals(404), summary="Play a clip"
)
def clip(folder: Id, name: Id, served: Served) -> FileResponse:
    dataset = store(served).get(folder)
    if name not in _texts(dataset):
        raise NotFoundError(f"dataset {folder!r} has no clip {name!r}")
    return FileResponse(
        dataset.wavs / name, media_type="audio/wav", headers={"Content-Disposition": disposition("inline", name)}
    )


def _texts(dataset: Dataset) -> dict[str, str]:
    """File name -> text of every clip that is built."""
    if not dataset.metadata.is_file():
        return {}
    lines = dataset.metadata.read_text(encoding="utf-8-sig").split("\n")
    rows = [line.partition("|") for line in lines if line.strip()]
    return {path.removeprefix("wavs/"): text for path, _, text in rows}


def _shown(dataset: Dataset) -> DatasetOut:
    found = stats(dataset)
    return DatasetOut(
        name=dataset.name,
        path=dataset.name,
        language=dataset.language,
        files=found.n_built,
        has_metadata=found.has_metadata,
        duration_seconds=found.duration_s,
    )


def _start(served: Context, kind: str, folder: str, params: dict[str, Any]) -> TaskStarted:
    job = served.stores.jobs.submit(kind, params | {"dataset": folder}, max_attempts=1, ttl_s=served.job_ttl_s)
    return TaskStarted.of(job, folder)
