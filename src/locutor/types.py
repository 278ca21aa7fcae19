"""What every layer passes around: audio, a request to speak, and the options of one synthesis."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from locutor.errors import AudioError, OptionError

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


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise OptionError unless low <= value <= high (NaN fails)."""
    if not low <= value <= high:
        raise OptionError(f"{name} must be between {low:g} and {high:g}, not {value:g}")


_DRAWING = (
    ("temperature", 0, 2),
    ("top_k", 0, 1000),
    ("top_p", 0.01, 1),
    ("repetition_penalty", 1, 20),
    ("length_penalty", 0.1, 10),
    ("retries", 0, 10),
)


@dataclass(frozen=True, kw_only=True)
class SynthesisOptions:
    """How to speak; None leaves the choice to the engine's own default.

    nfe_step: network evaluations (Euler steps) of a solve, 1 to 128.
    cfg_strength: classifier-free guidance, 0 to 10; 0 turns it off.
    sway_sampling_coef: bends the time grid towards the noisy end when negative, -1 to 1.
    temperature, top_k, top_p, repetition_penalty, length_penalty: how a model of audio codes draws the next one, from
    0 to 2, 0 to 1000, 0.01 to 1, 1 to 20 and 0.1 to 10.
    retries: how often a model of audio codes may speak a chunk again that did not end well, 0 to 10.
    speed: 0.5 (half as fast) to 2.
    fix_duration_s: length of the new speech in seconds, instead of an estimate.
    remove_silence: shorten long pauses in the result.
    seed: makes the result repeatable on one device; None draws one.
    cross_fade_s: overlap where two chunks of a long text are joined, 0 to 1.
    target_rms: level to which a quiet reference is raised before the network hears it.
    loudness_lufs: loudness of the result, -40 to -5; None leaves it as the engine speaks.
    """

    nfe_step: int | None = None
    cfg_strength: float | None = None
    sway_sampling_coef: float | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    length_penalty: float | None = None
    retries: int | None = None
    speed: float = 1.0
    fix_duration_s: float | None = None
    remove_silence: bool = False
    seed: int | None = None
    cross_fade_s: float = 0.15
    target_rms: float = 0.1
    loudness_lufs: float | None = None

    def __post_init__(self) -> None:
        if self.nfe_step is not None:
            check_range("nfe_step", self.nfe_step, 1, 128)
        if self.cfg_strength is not None:
            check_range("cfg_strength", self.cfg_strength, 0, 10)
        if self.sway_sampling_coef is not None:
            check_range("sway_sampling_coef", self.sway_sampling_coef, -1, 1)
        for name, low, high in _DRAWING:
            value = getattr(self, name)
            if value is not None:
                check_range(name, value, low, high)
        check_range("speed", self.speed, 0.5, 2)
        if self.fix_duration_s is not None:
            check_range("fix_duration_s", self.fix_duration_s, 0.1, 3600)
        if self.seed is not None:
            check_range("seed", self.seed, 0, 2**63 - 1)
        check_range("cross_fade_s", self.cross_fade_s, 0, 1)
        check_range("target_rms", self.target_rms, 0.001, 1)
        if self.loudness_lufs is not None:
            check_range("loudness_lufs", self.loudness_lufs, -40, -5)


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
