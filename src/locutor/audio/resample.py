"""Change the sample rate, by soxr."""

import soxr

from locutor.errors import AudioError
from locutor.types import Waveform


def resample(waveform: Waveform, sample_rate: int) -> Waveform:
    """The same sound at `sample_rate`, band-limited; soxr's "HQ" quality, no delay.

    Peaks may rise a little above those of the input. Raises AudioError when the rate is not positive.
    """
    if sample_rate <= 0:
        raise AudioError(f"sample rate must be positive, not {sample_rate}")
    if sample_rate == waveform.sample_rate:
        return waveform
    if waveform.n_samples == 0:
        return Waveform(waveform.samples, sample_rate)
    return Waveform(soxr.resample(waveform.samples, waveform.sample_rate, sample_rate), sample_rate)
