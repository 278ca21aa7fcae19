"""Where speech really begins and ends: a voice detector is late at a first vowel and early at a last consonant."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from locutor.analysis.quality import speech_level_dbfs
from locutor.analysis.vad import SpeechSpan
from locutor.audio.reference import FRAME_S, frame_levels, noise_power
from locutor.types import Waveform

_REACH_S = 0.6  # the detector is never later than this
_BELOW_DB = 35.0  # frames this far below the speech are no speech
_ABOVE_DB = 8.0  # nor are those that are not this far above the noise


def widened(waveform: Waveform, speech: Sequence[SpeechSpan]) -> list[SpeechSpan]:
    """The stretches of speech, each as far as the sound goes on without a break, at most to its neighbours."""
    levels = frame_levels(waveform)
    if not speech or levels.size == 0:
        return list(speech)
    noise_db = 10 * np.log10(noise_power(levels))
    sounding = levels > max(speech_level_dbfs(levels) - _BELOW_DB, noise_db + _ABOVE_DB)
    found: list[SpeechSpan] = []
    for number, span in enumerate(speech):
        earliest = found[-1].end_s if found else 0.0
        latest = speech[number + 1].start_s if number + 1 < len(speech) else waveform.duration_s
        start_s = max(span.start_s - _run_s(sounding, span.start_s, -1), earliest)
        end_s = min(span.end_s + _run_s(sounding, span.end_s, 1), latest)
        found.append(SpeechSpan(start_s, end_s))
    return found


def _run_s(sounding: npt.NDArray[np.bool_], at_s: float, direction: int) -> float:
    """How long the sound goes on from a moment, forwards (1) or backwards (-1)."""
    frame = round(at_s / FRAME_S) - (direction < 0)
    n = 0
    while 0 <= frame < sounding.size and sounding[frame] and n * FRAME_S < _REACH_S:
        frame, n = frame + direction, n + 1
    return n * FRAME_S
