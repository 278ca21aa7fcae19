"""Where somebody speaks: the VoiceDetector protocol and Silero VAD (MIT) by onnxruntime."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from locutor.analysis.weights import package_folder
from locutor.audio.resample import resample
from locutor.errors import MissingExtraError
from locutor.types import Waveform

SAMPLE_RATE = 16_000
FRAME = 512  # samples, 32 ms
_CONTEXT = 64  # samples of the frame before that the network also hears


@dataclass(frozen=True)
class SpeechSpan:
    """A stretch of speech, in seconds from the start."""

    start_s: float
    end_s: float


class VoiceDetector(Protocol):
    """A model that tells speech from everything else."""

    def speech(self, waveform: Waveform) -> list[SpeechSpan]:
        """Stretches of speech, in order, not overlapping."""
        ...


class SileroVad:
    """Silero VAD on one CPU thread. threshold: probability at which speech begins; it ends 0.15 below."""

    def __init__(self, threshold: float = 0.5, min_speech_s: float = 0.25, min_silence_s: float = 0.1) -> None:
        """Load the ONNX file inside the package silero-vad; MissingExtraError without it or onnxruntime."""
        self.threshold, self.min_speech_s, self.min_silence_s = threshold, min_speech_s, min_silence_s
        self._session = _session()

    def probabilities(self, waveform: Waveform) -> npt.NDArray[np.float32]:
        """Probability of speech in each 32 ms, (n_frames,); the last frame is filled up with silence."""
        samples = resample(waveform, SAMPLE_RATE).samples
        samples = np.pad(samples, (_CONTEXT, -samples.size % FRAME))
        state = np.zeros((2, 1, 128), np.float32)
        found = []
        for start in range(0, samples.size - _CONTEXT, FRAME):
            frame = samples[None, start : start + _CONTEXT + FRAME]
            inputs = {"input": frame, "state": state, "sr": np.array(SAMPLE_RATE, np.int64)}
            probability, state = self._session.run(None, inputs)
            found.append(probability[0, 0])
        return np.array(found, np.float32)

    def speech(self, waveform: Waveform) -> list[SpeechSpan]:
        """Stretches of at least min_speech_s, parted by at least min_silence_s; edges are exact to 32 ms."""
        frame_s = FRAME / SAMPLE_RATE
        spans = _runs(self.probabilities(waveform), self.threshold, max(1, round(self.min_silence_s / frame_s)))
        found = [SpeechSpan(a * frame_s, min(b * frame_s, waveform.duration_s)) for a, b in spans]
        return [span for span in found if span.end_s - span.start_s >= self.min_speech_s]


def _session() -> Any:
    file = package_folder("silero-vad", "asr") / "data" / "silero_vad.onnx"
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnxruntime", "asr") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the network is too small to share
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _runs(probabilities: npt.NDArray[np.float32], threshold: float, min_gap: int) -> list[tuple[int, int]]:
    """Frames from where the threshold is reached to where it stays 0.15 below for min_gap frames."""
    runs: list[tuple[int, int]] = []
    start, last = -1, -1  # first frame of the open run, last frame that was speech
    for i, p in enumerate(probabilities):
        if p >= threshold or (start >= 0 and p >= threshold - 0.15):
            start = i if start < 0 else start
            last = i
        elif start >= 0 and i - last >= min_gap:
            runs.append((start, last + 1))
            start = -1
    return runs + [(start, last + 1)] if start >= 0 else runs
