"""Read what libsndfile cannot: AAC, MP4 and M4A, WebM, WMA, AMR. Needs PyAV, the extra `codecs`.

PyAV's wheels bundle FFmpeg builds with GPL parts, so it is never installed unasked.
"""

from io import FileIO
from typing import Any, BinaryIO

import numpy as np

from locutor.errors import AudioError, MissingExtraError
from locutor.types import Samples

_EBML = b"\x1a\x45\xdf\xa3"  # WebM, Matroska
_ASF = b"\x30\x26\xb2\x75"  # WMA
_AMR = b"#!AMR"


def needs_codecs(head: bytes) -> bool:
    """Whether a file that begins with these bytes (at least 8) is one that only PyAV reads."""
    is_adts = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0  # bare AAC; MP3 has other layer bits
    return head[4:8] == b"ftyp" or head.startswith((_EBML, _ASF, _AMR)) or is_adts


def decode(file: BinaryIO | FileIO, name: str, max_s: float | None) -> tuple[Samples, int]:
    """First audio track: samples (n_samples,), mean of the channels, and sample rate; stops soon after max_s."""
    av = _av()
    blocks: list[Samples] = []
    try:
        with av.open(file) as container:
            stream = _first_track(container, name)
            rate = int(stream.codec_context.sample_rate)
            n_left = float("inf") if max_s is None else max_s * rate + 1
            to_planar = av.AudioResampler(format="fltp", rate=rate)
            for frame in container.decode(stream):
                for planar in to_planar.resample(frame):
                    blocks.append(planar.to_ndarray().mean(axis=0, dtype=np.float32))
                    n_left -= blocks[-1].size
                if n_left <= 0:
                    break
    except av.FFmpegError as error:
        raise AudioError(f"{name} is damaged or not audio: {error.strerror}") from error
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), rate


def probe(file: BinaryIO | FileIO, name: str) -> tuple[float, int, int, str]:
    """Duration in seconds, sample rate, channels, container; the duration counts packets where the header has none."""
    av = _av()
    try:
        with av.open(file) as container:
            stream = _first_track(container, name)
            context = stream.codec_context
            duration_s = container.duration / av.time_base if container.duration else _count_s(container, stream)
            return duration_s, int(context.sample_rate), int(context.channels), str(container.format.name)
    except av.FFmpegError as error:
        raise AudioError(f"{name} is damaged or not audio: {error.strerror}") from error


def _av() -> Any:
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingExtraError("PyAV, which reads AAC, MP4 and WebM audio,", "codecs") from error
    return av


def _first_track(container: Any, name: str) -> Any:
    if not container.streams.audio:
        raise AudioError(f"{name} has no audio track")
    return container.streams.audio[0]


def _count_s(container: Any, stream: Any) -> float:
    """Time of the last packet's end; a recording made by a browser has no duration in its header."""
    ends = [(p.pts + (p.duration or 0)) * float(stream.time_base) for p in container.demux(stream) if p.pts is not None]
    return max(ends, default=0.0)
