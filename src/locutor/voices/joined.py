"""One reference out of the recordings of a voice, and what is said in it."""

from collections.abc import Sequence

from locutor.audio.edit import join, pad
from locutor.audio.resample import resample
from locutor.types import Waveform

GAP_S = 0.3  # of silence between the clips of a reference
LISTENED_S = 30.0  # of all clips together that go into the reference


def chosen(durations_s: Sequence[float]) -> list[int]:
    """Which clips make the reference: in order, until LISTENED_S is reached; the first one always."""
    taken, total_s = [0], durations_s[0]
    for index, duration_s in enumerate(durations_s[1:], start=1):
        if total_s + GAP_S + duration_s <= LISTENED_S:
            taken.append(index)
            total_s += GAP_S + duration_s
    return taken


def joined_reference(clips: Sequence[Waveform]) -> Waveform:
    """The clips one after the other, at the highest of their rates."""
    rate = max(clip.sample_rate for clip in clips)
    parts = [resample(clip, rate) for clip in clips]
    return join([*(pad(part, after_s=GAP_S) for part in parts[:-1]), parts[-1]])


def joined_transcript(durations_s: Sequence[float], transcripts: Sequence[str | None]) -> str | None:
    """What is said in the reference that clips of these lengths make; None where a transcript of it is missing."""
    spoken = [transcripts[index] for index in chosen(durations_s)]
    return " ".join(text for text in spoken if text) if all(spoken) else None
