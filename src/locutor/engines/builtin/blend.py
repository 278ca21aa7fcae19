"""A mixture of voices for the built-in engine: one reference made of stretches of each, as long as its weight.

The network attends to a reference's frames and takes the mean of what it hears for the timbre, so a reference that
holds several speakers in turn is a voice between them, and its timbre is their mean weighted by time. Nothing in
training promises that this is a speaker who could live: see docs/serving.md for how near the mixtures were measured.
"""

from collections.abc import Sequence

from locutor.audio.edit import join
from locutor.audio.level import set_rms
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Waveform

BLENDED_S = 10.0
MIN_STRETCH_S = 0.5
LEVEL = 0.1  # RMS to which each voice is brought, so that the louder one does not count for more


def blended_reference(references: Sequence[Waveform], weights: Sequence[float]) -> Waveform:
    """Stretches of the references, of BLENDED_S in all or of what the shortest has for its weight.

    weights sum to 1. Raises AudioError when a stretch would be shorter than MIN_STRETCH_S.
    """
    rate = max(reference.sample_rate for reference in references)
    total_s = min(BLENDED_S, *(r.duration_s / w for r, w in zip(references, weights, strict=True)))
    shortest_s = total_s * min(weights)
    if shortest_s < MIN_STRETCH_S:
        raise AudioError(
            f"a weight of {min(weights):.2f} leaves {shortest_s:.2f} s of a voice; at least {MIN_STRETCH_S:g} s are "
            "needed, so use more even weights or longer recordings"
        )
    stretches = []
    for reference, weight in zip(references, weights, strict=True):
        levelled = set_rms(resample(reference, rate), LEVEL)
        stretches.append(Waveform(levelled.samples[: round(total_s * weight * rate)], rate))
    return join(stretches)
