"""What every layer passes around: audio, a request to speak, and the options of one synthesis."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from locutor.errors import AudioError
from locutor.options import SynthesisOptions, check_range

__all__ = ["Samples", "SpeechRequest", "SynthesisOptions", "Waveform", "check_range"]

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono audio.

    samples: float32 of shape (n_samples,), nominally within [-1, 1], finite.
    sample_rate: samples per second.
    Raises AudioError when the samples have another shape, are not finite, or the rate is not positive.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.ascontiguousarray(self.samples, dtype=np.float32)
        if samples.ndim != 1:
            raise AudioError(f"audio must be mono of shape (n_samples,), not {samples.shape}")
        if not np.isfinite(samples).all():
            n_bad = int((~np.isfinite(samples)).sum())
            raise AudioError(f"audio holds {n_bad} NaN or infinite samples out of {samples.size}")
        if self.sample_rate <= 0:
            raise AudioError(f"sample rate must be positive, not {self.sample_rate}")
        object.__setattr__(self, "samples", samples)

    @property
    def n_samples(self) -> int:
        return int(self.samples.size)

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """One text to be spoken.

    text: what to say, already free of markup; any length.
    language: a tag of locutor.text.languages, for example "en" or "pt-BR".
    normalize: read numbers, dates and abbreviations out as words first.
    """

    text: str
    language: str
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    normalize: bool = True
