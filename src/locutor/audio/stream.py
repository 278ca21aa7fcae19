"""Encode audio while it is being made: bytes of a file, piece by piece, in any format a client may ask for.

wav, flac, mp3, ogg (Vorbis) and opus by libsndfile, pcm by hand, aac (ADTS) and m4a (fragmented MP4) by PyAV, the extra
`codecs`. What was handed out cannot be changed any more, so headers that name a length say "unknown" instead; `encode`
makes a file whose header is right.
"""

import io as _io
import struct
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soundfile
import soxr

from locutor.audio import io
from locutor.audio.formats import FORMATS, AudioFormat
from locutor.errors import MissingExtraError, OptionError
from locutor.types import Samples, Waveform

PCM_RATE = 24_000
_UNKNOWN_SIZE = 0xFFFFFFFF
_BLOCK = 1 << 16
_MP3_COMPRESSION = 0.4  # of the way from the highest bit rate to the lowest: 98 kbit/s at 24 kHz
_AAC_BITS_PER_S = 128_000
_AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True)
class StreamFormat:
    """A format of a response. needs_codecs: written by PyAV."""

    name: str
    mime_type: str
    suffix: str
    description: str
    needs_codecs: bool = False


STREAM_FORMATS = {
    f.name: f
    for f in (
        StreamFormat("wav", FORMATS["wav"].mime_type, ".wav", "16-bit PCM, lossless"),
        StreamFormat("mp3", FORMATS["mp3"].mime_type, ".mp3", "MPEG layer III, plays everywhere"),
        StreamFormat("ogg", FORMATS["ogg"].mime_type, ".ogg", "Ogg Vorbis"),
        StreamFormat("flac", FORMATS["flac"].mime_type, ".flac", "lossless, about half of WAV"),
        StreamFormat("opus", FORMATS["opus"].mime_type, ".opus", "Ogg Opus, smallest"),
        StreamFormat("pcm", "audio/pcm", ".pcm", "bare samples: 24 kHz, 16-bit little-endian, mono"),
        StreamFormat("aac", "audio/aac", ".aac", "AAC in ADTS frames", needs_codecs=True),
        StreamFormat("m4a", "audio/mp4", ".m4a", "AAC in MP4", needs_codecs=True),
    )
}


class StreamEncoder(Protocol):
    """A file in the making; not thread-safe."""

    def encode(self, samples: Samples) -> bytes:
        """The bytes that these samples, (n_samples,), have settled; may be none yet."""
        ...

    def finish(self) -> bytes:
        """The rest of the file."""
        ...


def find_stream_format(name: str) -> StreamFormat:
    """The format of that name; OptionError lists the names on a miss, MissingExtraError names the extra it needs."""
    if name not in STREAM_FORMATS:
        raise OptionError(f"audio format must be one of {', '.join(STREAM_FORMATS)}, not {name!r}")
    found = STREAM_FORMATS[name]
    if found.needs_codecs:
        _av(name)
    return found


def open_encoder(format: str, sample_rate: int) -> StreamEncoder:
    """An encoder for mono audio of this rate; raises as find_stream_format."""
    name = find_stream_format(format).name
    match name:
        case "pcm":
            return _Resampling(_Pcm(), sample_rate, PCM_RATE)
        case "wav":
            return _Wav(sample_rate)
        case "aac" | "m4a":
            rate = AudioFormat(name, "", "", "", "", _AAC_RATES).nearest_rate(sample_rate)
            return _Resampling(_Aac(name, rate), sample_rate, rate)
    rate = FORMATS[name].nearest_rate(sample_rate)
    return _Resampling(_Sndfile(FORMATS[name], rate), sample_rate, rate)


def encode(waveform: Waveform, format: str) -> bytes:
    """A whole file, its header complete where the format has one; raises as find_stream_format."""
    if find_stream_format(format).name in FORMATS:
        return io.encode(waveform, format)
    encoder = open_encoder(format, waveform.sample_rate)
    return encoder.encode(waveform.samples) + encoder.finish()


def to_int16(samples: Samples) -> "np.ndarray[Any, np.dtype[np.int16]]":
    """[-1, 1] -> 16-bit samples, clipped and never wrapped, as locutor.audio.io writes them."""
    return np.rint(np.clip(samples * np.float32(32768), -32768, 32767)).astype("<i2")


class _Resampling:
    """Hands an encoder the rate it takes."""

    def __init__(self, encoder: StreamEncoder, rate: int, wanted: int) -> None:
        self._encoder = encoder
        self._resampler = None if rate == wanted else soxr.ResampleStream(rate, wanted, 1, dtype="float32")

    def encode(self, samples: Samples) -> bytes:
        return self._encoder.encode(self._resampler.resample_chunk(samples) if self._resampler else samples)

    def finish(self) -> bytes:
        rest = b""
        if self._resampler:
            rest = self._encoder.encode(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        return rest + self._encoder.finish()


class _Pcm:
    def encode(self, samples: Samples) -> bytes:
        return to_int16(samples).tobytes()

    def finish(self) -> bytes:
        return b""


class _Wav:
    """A header with sizes as large as they can be, which players read as "until the end"."""

    def __init__(self, sample_rate: int) -> None:
        format_chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, sample_rate * 2, 2, 16)
        data_chunk = struct.pack("<4sI", b"data", _UNKNOWN_SIZE)
        self._header = struct.pack("<4sI4s", b"RIFF", _UNKNOWN_SIZE, b"WAVE") + format_chunk + data_chunk

    def encode(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + to_int16(samples).tobytes()

    def finish(self) -> bytes:
        header, self._header = self._header, b""
        return header


class _Tail:
    """A file of which only what is new is kept, but for the first n_dropped writes; later changes are dropped too."""

    def __init__(self, n_dropped: int = 0) -> None:
        self._n_dropped = n_dropped
        self._position = self._end = 0
        self._new: list[bytes] = []

    def write(self, data: Any) -> int:
        block = bytes(data)
        if self._n_dropped:
            self._n_dropped -= 1
        elif self._position == self._end:
            self._new.append(block)
        self._position += len(block)
        self._end = max(self._end, self._position)
        return len(block)

    def seek(self, offset: int, whence: int = _io.SEEK_SET) -> int:
        self._position = offset + {_io.SEEK_SET: 0, _io.SEEK_CUR: self._position, _io.SEEK_END: self._end}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, n_bytes: int = -1) -> bytes:
        return b""

    def take(self) -> bytes:
        taken, self._new = b"".join(self._new), []
        return taken


class _Sndfile:
    def __init__(self, format: AudioFormat, sample_rate: int) -> None:
        # The first thing written of an MP3 is a frame for its length, which is not known yet; players would believe it.
        # Without it they reckon the length from the first frame's bit rate, so that must not vary.
        is_mp3 = format.name == "mp3"
        self._tail, self._is_pcm = _Tail(n_dropped=int(is_mp3)), format.codec == "PCM_16"
        self._file = soundfile.SoundFile(
            self._tail,
            "w",
            sample_rate,
            1,
            format=format.container,
            subtype=format.codec,
            bitrate_mode="CONSTANT" if is_mp3 else None,
            compression_level=_MP3_COMPRESSION if is_mp3 else None,
        )

    def encode(self, samples: Samples) -> bytes:
        ready: Any = to_int16(samples) if self._is_pcm else np.clip(samples, -1, 1)
        for start in range(0, len(ready), _BLOCK):
            self._file.write(ready[start : start + _BLOCK])
        return self._tail.take()

    def finish(self) -> bytes:
        self._file.close()
        return self._tail.take()


class _Aac:
    def __init__(self, name: str, sample_rate: int) -> None:
        self._av, self._sample_rate, self._n_samples = _av(name), sample_rate, 0
        self._tail = _Tail()
        # An MP4 that begins before its end is known is written in fragments.
        fragments = {"movflags": "empty_moov+default_base_moof", "frag_duration": "1000000"}  # in microseconds
        options = fragments if name == "m4a" else {}
        container = "mp4" if name == "m4a" else "adts"
        self._container = self._av.open(self._tail, "w", format=container, options=options)
        self._stream = self._container.add_stream("aac", rate=sample_rate, layout="mono", bit_rate=_AAC_BITS_PER_S)

    def encode(self, samples: Samples) -> bytes:
        for start in range(0, len(samples), _BLOCK):
            block = np.clip(samples[start : start + _BLOCK], -1, 1)
            frame = self._av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = self._sample_rate, self._n_samples
            self._n_samples += len(block)
            self._container.mux(self._stream.encode(frame))
        return self._tail.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._tail.take()


def _av(format: str) -> Any:
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"PyAV, which writes {format},", "codecs") from error
    return av
