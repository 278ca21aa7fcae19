"""The reference doctor: what a recording is like, in numbers, and whether a voice can be made of it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from locutor.audio.reference import ReferenceReport, check_reference
from locutor.errors import AudioError
from locutor.types import Waveform

MIN_VOICE_S = 3.0
MAX_CLIP_S = 60.0
GOOD_SPEECH_S = 5.0
MIN_SPEECH_RATIO = 0.2
MIN_SNR_DB = 3.0

SpeechSeconds: TypeAlias = Callable[[Waveform], float]
"""Seconds of speech in a recording, by a model that listens."""


@dataclass(frozen=True, kw_only=True)
class DoctorReport:
    """speech_ratio: share of the recording that is speech, 0 to 1, judged by `speech_by` ("silero" or "energy").

    snr_db: speech over the quietest tenth of the frames that hold sound. bandwidth_hz: where the spectrum ends.
    warnings: full sentences with the number and what would be better.
    """

    duration_s: float
    level_dbfs: float
    clipped_ratio: float
    snr_db: float
    speech_ratio: float
    speech_by: str
    bandwidth_hz: float
    warnings: tuple[str, ...]

    @property
    def speech_s(self) -> float:
        return self.duration_s * self.speech_ratio

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"warnings": list(self.warnings)}


def examine(waveform: Waveform, speech_seconds: SpeechSeconds | None = None) -> DoctorReport:
    """Measure one recording.

    Raises AudioError for one that no engine could use: empty, silent, under 1 s, over 60 s, over 10 % clipped, hardly
    any speech (under 20 %), or with speech that does not rise 3 dB above the noise.
    """
    measured = check_reference(waveform)
    ratio, by = _speech_ratio(waveform, measured, speech_seconds)
    if ratio < MIN_SPEECH_RATIO:
        raise AudioError(
            f"only {ratio:.0%} of the recording's {measured.duration_s:.1f} s is speech; at least "
            f"{MIN_SPEECH_RATIO:.0%} is needed"
        )
    if measured.snr_db < MIN_SNR_DB:
        raise AudioError(
            f"speech is {measured.snr_db:.0f} dB above the noise; at least {MIN_SNR_DB:g} dB are needed: record in a "
            "quieter place or nearer to the microphone"
        )
    return DoctorReport(
        duration_s=measured.duration_s,
        level_dbfs=measured.level_dbfs,
        clipped_ratio=measured.clipped_ratio,
        snr_db=measured.snr_db,
        speech_ratio=ratio,
        speech_by=by,
        bandwidth_hz=measured.bandwidth_hz,
        warnings=(*measured.warnings, *_speech_warnings(measured.duration_s * ratio)),
    )


def check_voice(reports: list[DoctorReport]) -> None:
    """Raise AudioError unless the recordings of a voice last at least MIN_VOICE_S together."""
    total_s = sum(report.duration_s for report in reports)
    if total_s < MIN_VOICE_S:
        raise AudioError(f"the recordings last {total_s:.1f} s together; a voice needs at least {MIN_VOICE_S:g} s")


def _speech_ratio(
    waveform: Waveform, measured: ReferenceReport, speech_seconds: SpeechSeconds | None
) -> tuple[float, str]:
    if speech_seconds is not None:
        return float(np.clip(speech_seconds(waveform) / measured.duration_s, 0, 1)), "silero"
    return 1.0 - measured.silence_ratio, "energy"


def _speech_warnings(speech_s: float) -> list[str]:
    if speech_s >= GOOD_SPEECH_S:
        return []
    return [f"It holds {speech_s:.1f} s of speech; {GOOD_SPEECH_S:g} to 12 s catch a voice better."]
