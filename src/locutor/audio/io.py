"""Read, probe, encode and write audio files.

wav, flac, mp3, ogg (Vorbis) and opus by libsndfile; AAC, MP4, WebM and the like by PyAV (see codecs.py), only to read.
Not covered: tags and cover pictures, more than one track.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from locutor.audio import codecs
from locutor.audio.files import replacing
from locutor.audio.formats import AudioFormat, find_format, format_of
from locutor.audio.resample import resample
from locutor.errors import AudioError, NotFoundError, StorageError
from locutor.types import Samples, Waveform

# Blocks keep a header that lies about its length from claiming memory, and libsndfile's Vorbis encoder overflows its
# stack on much larger ones.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says. duration_s may be an estimate for files without an index (MP3, WebM)."""

    duration_s: float
    sample_rate: int
    n_channels: int
    container: str


def read(path: str | Path, max_s: float | None = None) -> Waveform:
    """The file as mono audio (mean of the channels) at its own sample rate.

    max_s: refuse longer audio after reading that much.
    Raises NotFoundError when there is no file, AudioError when it is empty, no audio, damaged, too long or holds NaN,
    MissingExtraError when it needs PyAV, StorageError when it cannot be opened.
    """
    with _open(Path(path)) as file:
        return _decode(file, str(path), max_s)


def decode(data: bytes, name: str = "the audio", max_s: float | None = None) -> Waveform:
    """Audio out of a file's bytes, as `read`; `name` stands for it in messages."""
    if not data:
        raise AudioError(f"{name} is empty (0 bytes)")
    return _decode(io.BytesIO(data), name, max_s)


def probe(path: str | Path) -> AudioInfo:
    """Length, rate and channels without decoding the audio; raises as `read`."""
    with _open(Path(path)) as file:
        if codecs.needs_codecs(_head(file)):
            return AudioInfo(*codecs.probe(file, str(path)))
        try:
            with _sndfile(file) as source:
                duration_s = source.frames / source.samplerate
                return AudioInfo(duration_s, source.samplerate, source.channels, source.format)
        except soundfile.LibsndfileError as error:
            raise _not_audio(str(path)) from error


def encode(waveform: Waveform, format: str) -> bytes:
    """The bytes of a file in a format of formats.FORMATS.

    Samples beyond [-1, 1] are clipped, never wrapped; "wav-float" keeps them. PCM survives read and encode bit by bit.
    The audio is resampled where the codec does not take its rate. Raises OptionError for an unknown format.
    """
    buffer = io.BytesIO()
    _encode_into(buffer, waveform, find_format(format))
    return buffer.getvalue()


def write(path: str | Path, waveform: Waveform, format: str | None = None) -> None:
    """Write a file, in the format of its suffix unless one is named; all of it or nothing.

    Raises OptionError for an unknown format, NotFoundError without the folder, StorageError when the disk refuses.
    """
    path = Path(path)
    data = encode(waveform, format_of(path).name if format is None else format)
    with replacing(path) as file:
        file.write(data)


def _open(path: Path) -> io.FileIO:
    if not path.exists():
        raise NotFoundError(f"there is no audio file {path}")
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not an audio file")
    if path.is_file() and path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes)")
    try:
        return open(path, "rb", buffering=0)  # its descriptor is handed on, so nothing may be read ahead
    except OSError as error:
        raise StorageError(f"cannot open {path}: {error.strerror}") from error


def _decode(file: BinaryIO | io.FileIO, name: str, max_s: float | None) -> Waveform:
    if codecs.needs_codecs(_head(file)):
        samples, sample_rate = codecs.decode(file, name, max_s)
    else:
        samples, sample_rate = _decode_soundfile(file, name, max_s)
    if samples.size == 0:
        raise AudioError(f"{name} holds no audio (0 samples)")
    if max_s is not None and samples.size > max_s * sample_rate:
        raise AudioError(f"{name} is longer than {max_s:g} s")
    try:
        return Waveform(samples, sample_rate)
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error


def _head(file: BinaryIO | io.FileIO) -> bytes:
    head = file.read(16)
    file.seek(0)
    return head


def _decode_soundfile(file: BinaryIO | io.FileIO, name: str, max_s: float | None) -> tuple[Samples, int]:
    try:
        with _sndfile(file) as source:
            limit = None if max_s is None else int(max_s * source.samplerate) + 1
            return _read_blocks(lambda: source.read(_BLOCK, dtype="float32", always_2d=True), limit), source.samplerate
    except soundfile.LibsndfileError as error:
        raise _not_audio(name) from error


class _ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """soundfile seeks after every block it reads, which in MP3 and Ogg lands beside the place."""

    def seekable(self) -> bool:
        return False


def _sndfile(file: BinaryIO | io.FileIO) -> Any:
    """libsndfile on a descriptor or on memory: given a name, it would believe the suffix more than the content."""
    return _ForwardSoundFile(file.fileno() if isinstance(file, io.FileIO) else file, closefd=False)


def _read_blocks(read_block: Callable[[], Any], limit: int | None) -> Samples:
    """Blocks of shape (n, channels), until an empty one or `limit` samples -> (n_samples,)."""
    blocks: list[Samples] = []
    n_samples = 0
    while limit is None or n_samples < limit:
        block = read_block()
        if len(block) == 0:
            break
        blocks.append(block.mean(axis=1, dtype=np.float32))
        n_samples += len(block)
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _not_audio(name: str) -> AudioError:
    return AudioError(f"{name} is not an audio file that can be read (wav, flac, mp3, ogg, opus), or it is damaged")


def _encode_into(buffer: io.BytesIO, waveform: Waveform, format: AudioFormat) -> None:
    waveform = resample(waveform, format.nearest_rate(waveform.sample_rate))
    samples: Any = waveform.samples
    if format.codec == "PCM_16":  # libsndfile would scale by 32767 but read by 32768
        samples = np.rint(np.clip(samples * 32768.0, -32768, 32767)).astype(np.int16)
    elif format.codec != "FLOAT":
        samples = np.clip(samples, -1, 1)
    file = soundfile.SoundFile(buffer, "w", waveform.sample_rate, 1, format=format.container, subtype=format.codec)
    with file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
