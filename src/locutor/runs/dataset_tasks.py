"""Jobs that work on datasets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locutor import datasets
from locutor.datasets import Dataset, DatasetStore, Limits, SegmentOptions, Watch
from locutor.datasets.transcripts import TRANSCRIPT_SUFFIXES
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import JobOutcome
from locutor.storage.artefacts import ArtefactStore

LANE = "datasets"
_ALONE = "no recording of this name came with it"
DOWNLOAD, UPLOAD, SEGMENT, TRANSCRIBE, BUILD, MAKE = (
    f"dataset_{step}" for step in ("download", "upload", "segment", "transcribe", "build", "make")
)


@dataclass(frozen=True)
class DatasetTasks:
    """The steps of locutor.datasets, one after the other in a lane of their own. n_threads: of what listens."""

    store: DatasetStore
    artefacts: ArtefactStore
    n_threads: int

    def kinds(self) -> tuple[JobKind, ...]:
        steps = {
            DOWNLOAD: self.download,
            UPLOAD: self.upload,
            SEGMENT: self.segment,
            TRANSCRIBE: self.transcribe,
            BUILD: self.build,
            MAKE: self.make,
        }
        return tuple(JobKind(name=name, run=run, lane=LANE) for name, run in steps.items())

    def download(self, context: JobContext) -> JobOutcome:
        """params: dataset, language, urls; hosts, subtitles. Fetches and imports; result: errors by URL."""
        params, watch = context.job.params, _watch(context)
        dataset = self.store.create(params["dataset"], params["language"])
        folder = dataset.folder / "downloads"
        folder.mkdir(exist_ok=True)
        found = datasets.download(
            params["urls"], folder, hosts=params.get("hosts", ()), subtitles=params.get("subtitles"), watch=watch
        )
        sources = datasets.import_recordings(dataset, [file for one in found for file in one.files], watch=watch)
        errors = {one.url: one.error for one in found if one.error} | {s.name: s.error for s in sources if s.error}
        return JobOutcome(result=_result(dataset) | {"errors": errors})

    def upload(self, context: JobContext) -> JobOutcome:
        """params: dataset, language, clips [{"artefact": id, "filename": name}]. Imports them under their names."""
        params = context.job.params
        dataset = self.store.create(params["dataset"], params["language"])
        with context.scratch() as folder:
            files = [self._placed(folder, clip) for clip in params["clips"]]
            spoken = [file for file in files if file.suffix.lower() not in TRANSCRIPT_SUFFIXES]
            sources = datasets.import_recordings(dataset, spoken, watch=_watch(context))
            names = {file.name for file in files}
            errors = {s.name: s.error.replace(f"{folder}/", "") for s in sources if s.error and s.name in names}
        beside = {file.stem for file in spoken}
        errors |= {file.name: _ALONE for file in files if file not in spoken and file.stem not in beside}
        return JobOutcome(result=_result(dataset) | {"errors": errors})

    def segment(self, context: JobContext) -> JobOutcome:
        """params: dataset; min_s, max_s, threshold."""
        dataset, options = self._dataset(context), _segment_options(context.job.params)
        encoder = datasets.load_listeners(options, n_threads=self.n_threads).encoder
        datasets.segment(dataset, datasets.voice_detector(options), encoder, options, watch=_watch(context))
        return JobOutcome(result=_result(dataset))

    def transcribe(self, context: JobContext) -> JobOutcome:
        """params: dataset."""
        dataset = self._dataset(context)
        listeners = datasets.load_listeners(n_threads=self.n_threads, compare_voices=False)
        datasets.transcribe(dataset, listeners.transcriber, Limits(), watch=_watch(context))
        return JobOutcome(result=_result(dataset))

    def build(self, context: JobContext) -> JobOutcome:
        """params: dataset; val_share, min_snr_db. Filters, validates and builds."""
        dataset, params, watch = self._dataset(context), context.job.params, _watch(context)
        limits = Limits() if params.get("min_snr_db") is None else Limits(min_snr_db=params["min_snr_db"])
        datasets.filter_clips(dataset, limits, watch=watch)
        datasets.validate(dataset, watch=watch)
        share = params.get("val_share")
        options = datasets.BuildOptions() if share is None else datasets.BuildOptions(val_share=share)
        return JobOutcome(result=_result(datasets.build(dataset, options, watch=watch)))

    def make(self, context: JobContext) -> JobOutcome:
        """params: dataset; those of segment. All steps after the import."""
        dataset, options = self._dataset(context), _segment_options(context.job.params)
        listeners = datasets.load_listeners(options, n_threads=self.n_threads)
        making = datasets.MakeOptions(segment=options)
        return JobOutcome(result=_result(datasets.make(dataset, (), listeners, making, watch=_watch(context))))

    def _dataset(self, context: JobContext) -> Dataset:
        return self.store.get(context.job.params["dataset"])

    def _placed(self, folder: Path, clip: dict[str, str]) -> Path:
        """An upload under the client's name, which was made a plain one when it was stored."""
        place = folder / Path(clip["filename"]).name
        place.write_bytes(self.artefacts.path(clip["artefact"]).read_bytes())
        return place


def _segment_options(params: dict[str, Any]) -> SegmentOptions:
    given: dict[str, Any] = {k: params[k] for k in ("min_s", "max_s", "threshold") if params.get(k) is not None}
    return SegmentOptions(**given)


def _watch(context: JobContext) -> Watch:
    return Watch(lambda step, done, total: context.progress(done, total, step), context.cancelled.is_set)


def _result(dataset: Dataset) -> dict[str, Any]:
    found = datasets.stats(dataset)
    names: Sequence[str] = ("n_sources", "n_clips", "n_transcribed", "n_built", "duration_s", "version")
    return {"dataset": dataset.name} | {name: getattr(found, name) for name in names}
