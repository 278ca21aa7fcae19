"""All steps in a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from locutor.datasets.build import BuildOptions, build
from locutor.datasets.choose import filter_clips
from locutor.datasets.dataset import Dataset
from locutor.datasets.filters import Limits
from locutor.datasets.ingest import import_recordings
from locutor.datasets.listeners import Listeners
from locutor.datasets.pauses import SegmentOptions
from locutor.datasets.segment import segment
from locutor.datasets.transcribe import transcribe
from locutor.datasets.validate import TextRules, validate
from locutor.datasets.watch import UNWATCHED, Watch


@dataclass(frozen=True, kw_only=True)
class MakeOptions:
    """The options of all steps."""

    segment: SegmentOptions = field(default_factory=SegmentOptions)
    limits: Limits = field(default_factory=Limits)
    rules: TextRules = field(default_factory=TextRules)
    build: BuildOptions = field(default_factory=BuildOptions)


def make(
    dataset: Dataset,
    places: Sequence[Path],
    listeners: Listeners,
    options: MakeOptions | None = None,
    *,
    speaker: str = "",
    watch: Watch = UNWATCHED,
) -> Dataset:
    """Import, segment, transcribe, filter, validate, build; run again, it goes on where it stopped. Raises as they."""
    options = options or MakeOptions()
    import_recordings(dataset, places, speaker=speaker, watch=watch)
    segment(dataset, listeners.vad, listeners.encoder, options.segment, watch=watch)
    transcribe(dataset, listeners.transcriber, options.limits, watch=watch)
    filter_clips(dataset, options.limits, watch=watch)
    validate(dataset, options.rules, watch=watch)
    return build(dataset, options.build, watch=watch)
