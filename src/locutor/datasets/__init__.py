"""From recordings to a dataset: what other packages may use.

A dataset is a folder (dataset.py draws it) of a DatasetStore. The steps are functions of it, in this order:

    import_recordings, segment, transcribe, filter_clips, validate, build    (make runs all; download fetches first)

Each reads the manifest of the step before and writes its own. Each can be run again at any time: what it worked out
before is kept, item by item, also when it was interrupted. Errors of one recording or clip are stored with it and the
rest goes on. `watch` (Watch) is told of progress and asked whether to stop; then CancelledError is raised and what was
done stays. A dataset must not be worked on by two at once.
"""

from locutor.datasets.build import BuildOptions, build
from locutor.datasets.choose import filter_clips
from locutor.datasets.dataset import Dataset, DatasetStore, open_dataset
from locutor.datasets.download import DEFAULT_HOSTS, download
from locutor.datasets.edits import Edit, edit_clip, read_edits
from locutor.datasets.filters import Limits
from locutor.datasets.ingest import import_recordings
from locutor.datasets.listeners import Listeners, load_listeners, voice_detector
from locutor.datasets.make import MakeOptions, make
from locutor.datasets.manifest import Clip, Problem, Source
from locutor.datasets.pauses import SegmentOptions
from locutor.datasets.report import read_report
from locutor.datasets.segment import segment
from locutor.datasets.sound import clip_sound
from locutor.datasets.stats import Stats, stats
from locutor.datasets.transcribe import transcribe
from locutor.datasets.validate import TextRules, faults_of_build, validate
from locutor.datasets.watch import Watch

__all__ = [
    "DEFAULT_HOSTS",
    "BuildOptions",
    "Clip",
    "Dataset",
    "DatasetStore",
    "Edit",
    "Limits",
    "Listeners",
    "MakeOptions",
    "Problem",
    "SegmentOptions",
    "Source",
    "Stats",
    "TextRules",
    "Watch",
    "build",
    "clip_sound",
    "download",
    "edit_clip",
    "faults_of_build",
    "filter_clips",
    "import_recordings",
    "load_listeners",
    "make",
    "open_dataset",
    "read_edits",
    "read_report",
    "segment",
    "stats",
    "transcribe",
    "validate",
    "voice_detector",
]
