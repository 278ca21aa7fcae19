"""Figures of a dataset."""

from dataclasses import dataclass

import numpy as np

from locutor.datasets.dataset import Dataset
from locutor.datasets.manifest import Clip, read_rows
from locutor.datasets.split import TRAIN, VAL


@dataclass(frozen=True, kw_only=True)
class Stats:
    """n_sources, n_failed: recordings imported, and refused. n_clips: that were cut. transcribed_percent: of those
    the filter lets be heard. n_built, duration_s, n_train, n_val: of the built dataset, 0 before. median_s, shortest_s,
    longest_s: of its clips. chars_per_s: mean. speakers: their names."""

    name: str
    language: str
    version: str
    n_sources: int
    n_failed: int
    source_s: float
    n_clips: int
    n_transcribed: int
    transcribed_percent: float
    n_edited: int
    n_built: int
    duration_s: float
    n_train: int
    n_val: int
    median_s: float
    shortest_s: float
    longest_s: float
    chars_per_s: float
    speakers: tuple[str, ...]
    has_metadata: bool


def stats(dataset: Dataset) -> Stats:
    """Count what is there; steps that have not run count 0."""
    sources = dataset.sources() if dataset.rows_of("import").is_file() else []
    clips = dataset.newest_clips()
    transcribed = [clip for clip in clips if clip.heard is not None]
    built = read_rows(dataset.manifest, Clip) if dataset.manifest.is_file() else []
    lengths = np.array([clip.duration_s for clip in built] or [0.0])
    total_s = float(lengths.sum())
    return Stats(
        name=dataset.name,
        language=dataset.language,
        version=dataset.version,
        n_sources=sum(not source.error for source in sources),
        n_failed=sum(bool(source.error) for source in sources),
        source_s=sum(source.duration_s for source in sources),
        n_clips=len(clips),
        n_transcribed=len(transcribed),
        transcribed_percent=100 * len(transcribed) / len(clips) if clips else 0.0,
        n_edited=sum(clip.edited for clip in clips),
        n_built=len(built),
        duration_s=total_s,
        n_train=sum(clip.split == TRAIN for clip in built),
        n_val=sum(clip.split == VAL for clip in built),
        median_s=float(np.median(lengths)),
        shortest_s=float(lengths.min()),
        longest_s=float(lengths.max()),
        chars_per_s=sum(len(clip.text) for clip in built) / total_s if total_s else 0.0,
        speakers=tuple(sorted({source.speaker for source in sources})),
        has_metadata=dataset.metadata.is_file(),
    )
