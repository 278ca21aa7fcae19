"""Is it the right voice? Cosine of speaker embeddings to the reference and to other voices."""

from collections.abc import Mapping
from dataclasses import dataclass

from locutor.analysis.speaker import Embedding, similarity
from locutor.errors import OptionError


@dataclass(frozen=True)
class Similarity:
    """own: cosine to the voice's own reference (SIM). margin: own less the nearest other voice's. mean_margin: own less
    the mean of all other voices'. identified: the own reference is the nearest of all. The last three are None without
    others."""

    own: float
    margin: float | None
    mean_margin: float | None
    identified: bool | None


def compare(speech: Embedding, voice: str, references: Mapping[str, Embedding]) -> Similarity:
    """Compare speech, (d,), that should be in `voice` with the references; OptionError for a voice without one."""
    if voice not in references:
        known = ", ".join(references) or "none at all"
        raise OptionError(f"there is no reference of the voice {voice!r}, only of {known}")
    own = similarity(speech, references[voice])
    others = [similarity(speech, reference) for name, reference in references.items() if name != voice]
    if not others:
        return Similarity(own, None, None, None)
    margin = own - max(others)
    return Similarity(own, margin, own - sum(others) / len(others), margin > 0)


def unlike(references: Mapping[str, Embedding]) -> Similarity:
    """What missing or broken audio counts."""
    if len(references) == 1:
        return Similarity(0.0, None, None, None)
    return Similarity(0.0, -1.0, -1.0, False)
