"""Where to cut a recording: between stretches of speech, into clips of a good length.

An atom is what must not be cut: a stretch of speech, or the subtitles between two pauses. Its edges are those of the
speech; padding is added when atoms are put together, never more than half of a pause, so that no moment is in two
clips.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from locutor.analysis.vad import SpeechSpan
from locutor.datasets.manifest import Cue
from locutor.errors import OptionError
from locutor.types import check_range

CUE_TOLERANCE_S = 0.5  # people who time subtitles are late or early by so much
_SHORT_PRICE = 40.0  # of a clip that has no length at all, in pauses of a second
_PAUSE_PRICE = 0.3  # seconds; a cut in a pause of this length costs 1, in a longer one less


@dataclass(frozen=True, kw_only=True)
class SegmentOptions:
    """min_s, max_s: length of a clip; max_s is never passed unless a subtitle or a transcript has to stay whole, and
    clips get shorter than min_s only where the speaker paused before. padding_s: silence left at both ends.
    max_pause_s: a longer pause always ends a clip. threshold: probability at which silero VAD hears speech.
    """

    min_s: float = 3.0
    max_s: float = 12.0
    padding_s: float = 0.2
    max_pause_s: float = 1.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        check_range("min_s", self.min_s, 0.5, 30)
        check_range("max_s", self.max_s, 1, 60)
        check_range("padding_s", self.padding_s, 0, 2)
        check_range("max_pause_s", self.max_pause_s, 0.1, 10)
        check_range("threshold", self.threshold, 0.05, 0.95)
        if self.max_s < self.min_s + 2 * self.padding_s:
            raise OptionError(f"max_s ({self.max_s:g}) must be above min_s ({self.min_s:g}) and the padding")


@dataclass(frozen=True)
class Atom:
    """start_cut, end_cut: the edge lies inside speech."""

    start_s: float
    end_s: float
    text: str | None = None
    start_cut: bool = False
    end_cut: bool = False


@dataclass(frozen=True)
class Stretch:
    """A clip to be."""

    start_s: float
    end_s: float
    text: str | None
    is_cut: bool


Quietest = Callable[[float, float], float]
"""The quietest moment between two, where speech has to be cut for want of a pause."""


def speech_atoms(speech: Sequence[SpeechSpan], options: SegmentOptions, quietest: Quietest) -> list[Atom]:
    """One atom for each stretch of speech; one that is too long to be a clip is cut where it is quietest."""
    longest_s = options.max_s - 2 * options.padding_s
    atoms: list[Atom] = []
    for span in speech:
        start_s, is_cut = span.start_s, False
        while span.end_s - start_s > longest_s:
            # Not near the end: what is left over should be a clip too.
            latest_s = min(longest_s, span.end_s - start_s - options.min_s)
            cut_s = quietest(start_s + min(options.min_s, latest_s), start_s + latest_s)
            atoms.append(Atom(start_s, cut_s, None, is_cut, True))
            start_s, is_cut = cut_s, True
        atoms.append(Atom(start_s, span.end_s, None, is_cut, False))
    return atoms


def cue_atoms(speech: Sequence[SpeechSpan], cues: Sequence[Cue]) -> list[Atom]:
    """Subtitles joined until a pause lies where one ends and the next begins.

    Speech without subtitles and subtitles without speech are left out.
    """
    cues = [cue for cue in cues if any(_overlap(span, cue) for span in speech)]
    if not cues:
        return []
    heard = [span for span in speech if any(_overlap(span, cue) for cue in cues)]
    groups: list[list[Cue]] = []
    spans: list[list[SpeechSpan]] = []
    taken = 0
    pending: list[Cue] = []
    for cue, following in zip(cues, [*cues[1:], None], strict=True):
        pending.append(cue)
        upto = len(heard) if following is None else _first_after(heard, cue, following)
        if upto is not None and upto > taken:
            groups.append(pending)
            spans.append(heard[taken:upto])
            taken, pending = upto, []
    return [
        Atom(inside[0].start_s, inside[-1].end_s, " ".join(cue.text for cue in group))
        for group, inside in zip(groups, spans, strict=True)
    ]


def whole_atom(speech: Sequence[SpeechSpan], text: str) -> list[Atom]:
    """All of a recording whose text cannot be parted; none when nobody speaks."""
    return [Atom(speech[0].start_s, speech[-1].end_s, text)] if speech else []


def stretches(atoms: Sequence[Atom], duration_s: float, options: SegmentOptions) -> list[Stretch]:
    """Put atoms together: long enough, not too long, parted at the longest pauses. In order; none overlaps another."""
    if not atoms:
        return []
    padded = _padded(atoms, duration_s, options.padding_s)
    best: list[tuple[float, int]] = [(0.0, 0)]  # for the first n atoms: cost, and where the last clip begins
    for n in range(1, len(atoms) + 1):
        best.append(_cheapest(atoms, padded, best, n, options))
    bounds = [len(atoms)]
    while bounds[-1] > 0:
        bounds.append(best[bounds[-1]][1])
    bounds.reverse()
    return [_joined(atoms[a:b], padded[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]


def _overlap(span: SpeechSpan, cue: Cue) -> bool:
    return span.start_s < cue.end_s + CUE_TOLERANCE_S and cue.start_s - CUE_TOLERANCE_S < span.end_s


def _first_after(heard: Sequence[SpeechSpan], cue: Cue, following: Cue) -> int | None:
    """How many stretches of speech come before the pause between two subtitles; None when there is none."""
    low, high = sorted((cue.end_s, following.start_s))
    middle = (low + high) / 2
    pauses = [
        (abs((before.end_s + after.start_s) / 2 - middle), n)
        for n, (before, after) in enumerate(zip(heard, heard[1:], strict=False), 1)
        if before.end_s < high + CUE_TOLERANCE_S and after.start_s > low - CUE_TOLERANCE_S
    ]
    return min(pauses)[1] if pauses else None


def _padded(atoms: Sequence[Atom], duration_s: float, padding_s: float) -> list[tuple[float, float]]:
    """The edges that each atom would have at the edge of a clip."""
    starts, ends = [], []
    for before, atom, after in zip([None, *atoms[:-1]], atoms, [*atoms[1:], None], strict=True):
        lead = atom.start_s if before is None else (atom.start_s - before.end_s) / 2
        tail = duration_s - atom.end_s if after is None else (after.start_s - atom.end_s) / 2
        starts.append(atom.start_s - min(padding_s, lead))
        ends.append(atom.end_s + min(padding_s, tail))
    return list(zip(starts, ends, strict=True))


def _cheapest(
    atoms: Sequence[Atom],
    padded: Sequence[tuple[float, float]],
    best: Sequence[tuple[float, int]],
    n: int,
    options: SegmentOptions,
) -> tuple[float, int]:
    """The best last clip of the first n atoms: cost in all, and its first atom."""
    found = []
    for first in range(n - 1, -1, -1):
        length_s = padded[n - 1][1] - padded[first][0]
        is_parted = first < n - 1 and atoms[first + 1].start_s - atoms[first].end_s > options.max_pause_s
        if first < n - 1 and (length_s > options.max_s or is_parted):
            break
        short = max(0.0, 1 - length_s / options.min_s)
        cut = _cut_price(atoms[first - 1], atoms[first]) if first else 0.0
        found.append((best[first][0] + _SHORT_PRICE * short * short + cut, first))
    return min(found)


def _cut_price(before: Atom, after: Atom) -> float:
    pause_s = after.start_s - before.end_s
    return _PAUSE_PRICE / max(pause_s, 0.01)


def _joined(atoms: Sequence[Atom], padded: Sequence[tuple[float, float]]) -> Stretch:
    texts = [atom.text for atom in atoms if atom.text is not None]
    is_cut = atoms[0].start_cut or atoms[-1].end_cut
    return Stretch(padded[0][0], padded[-1][1], " ".join(texts) if texts else None, is_cut)
