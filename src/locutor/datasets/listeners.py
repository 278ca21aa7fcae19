"""The models that the steps listen with."""

from dataclasses import dataclass

from locutor.analysis.asr import Transcriber, WhisperTranscriber
from locutor.analysis.speaker import LstmSpeakerEncoder
from locutor.analysis.vad import SileroVad, VoiceDetector
from locutor.datasets.consistency import WindowEncoder
from locutor.datasets.pauses import SegmentOptions


@dataclass(frozen=True)
class Listeners:
    """encoder: None leaves the comparison of voices out."""

    vad: VoiceDetector
    transcriber: Transcriber
    encoder: WindowEncoder | None


def voice_detector(options: SegmentOptions) -> VoiceDetector:
    """Silero VAD as segmenting needs it; MissingExtraError without the extra `asr`."""
    return SileroVad(options.threshold, min_speech_s=0.1, min_silence_s=0.1)


def load_listeners(
    options: SegmentOptions | None = None, *, device: str = "cpu", n_threads: int = 0, compare_voices: bool = True
) -> Listeners:
    """Silero VAD, Whisper base and the speaker encoder.

    Raises MissingExtraError without the extra `asr`, or without resemblyzer where voices are to be compared.
    """
    return Listeners(
        voice_detector(options or SegmentOptions()),
        WhisperTranscriber(device=device, n_threads=n_threads, word_times=True),
        LstmSpeakerEncoder() if compare_voices else None,
    )
