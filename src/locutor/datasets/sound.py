"""The sound of a clip, read out of its source."""

from pathlib import Path

import soundfile

from locutor.audio import io
from locutor.datasets.dataset import Dataset
from locutor.datasets.manifest import Clip, Source
from locutor.errors import AudioError, NotFoundError
from locutor.types import Waveform


def source_sound(dataset: Dataset, source: Source) -> Waveform:
    """All of a source. Raises NotFoundError without its file, AudioError when it cannot be read."""
    return io.read(_path(dataset, source.id))


def clip_sound(dataset: Dataset, clip: Clip) -> Waveform:
    """A clip at its source's sample rate, to listen to or to work on; only this part of the file is decoded.

    Raises NotFoundError without the file, AudioError when it cannot be read.
    """
    path = _path(dataset, clip.source)
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            first, last = round(clip.start_s * rate), round(clip.end_s * rate)
            file.seek(first)
            return Waveform(file.read(last - first, dtype="float32"), rate)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path} is damaged") from error


def _path(dataset: Dataset, source_id: str) -> Path:
    path = dataset.raw / f"{source_id}.flac"
    if not path.is_file():
        raise NotFoundError(f"the recording {path} of the dataset is gone")
    return path
