"""The audio formats that Locutor writes: names, MIME types, containers, and the sample rates they allow."""

from dataclasses import dataclass
from pathlib import Path

from locutor.errors import OptionError

_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True)
class AudioFormat:
    """container, codec: libsndfile's names. sample_rates: those the codec takes, empty for any."""

    name: str
    mime_type: str
    suffix: str
    container: str
    codec: str
    sample_rates: tuple[int, ...] = ()

    def nearest_rate(self, sample_rate: int) -> int:
        """The lowest allowed rate that keeps the whole band, else the highest."""
        if not self.sample_rates or sample_rate in self.sample_rates:
            return sample_rate
        return min((r for r in self.sample_rates if r > sample_rate), default=self.sample_rates[-1])


FORMATS = {
    f.name: f
    for f in (
        AudioFormat("wav", "audio/wav", ".wav", "WAV", "PCM_16"),
        AudioFormat("wav-float", "audio/wav", ".wav", "WAV", "FLOAT"),
        AudioFormat("flac", "audio/flac", ".flac", "FLAC", "PCM_16"),
        AudioFormat("mp3", "audio/mpeg", ".mp3", "MP3", "MPEG_LAYER_III", _MP3_RATES),
        AudioFormat("ogg", "audio/ogg", ".ogg", "OGG", "VORBIS"),
        AudioFormat("opus", "audio/ogg; codecs=opus", ".opus", "OGG", "OPUS", _OPUS_RATES),
    )
}
_BY_SUFFIX = {f.suffix: f for f in reversed(FORMATS.values())}


def find_format(name: str) -> AudioFormat:
    """The format of that name; OptionError lists the names on a miss."""
    if name not in FORMATS:
        raise OptionError(f"audio format must be one of {', '.join(FORMATS)}, not {name!r}")
    return FORMATS[name]


def format_of(path: Path) -> AudioFormat:
    """The format that the file's suffix stands for; OptionError lists the suffixes on a miss."""
    suffix = path.suffix.lower()
    if suffix not in _BY_SUFFIX:
        known = ", ".join(sorted(_BY_SUFFIX))
        raise OptionError(f"the name of an audio file must end in one of {known}: {path}")
    return _BY_SUFFIX[suffix]
