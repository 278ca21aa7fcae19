"""Does it sound natural? A predicted mean opinion score."""

from locutor.analysis.mos import MosPredictor
from locutor.types import Waveform

WORST = 1.0  # the bottom of the scale: what missing or broken audio counts
_LONGEST_S = 30.0


def rate(waveform: Waveform, predictor: MosPredictor) -> float:
    """Predicted score, 1 to 5, of the first 30 s: naturalness does not change with length, memory does."""
    n_samples = int(_LONGEST_S * waveform.sample_rate)
    return predictor.predict(Waveform(waveform.samples[:n_samples], waveform.sample_rate))
