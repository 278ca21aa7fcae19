"""Which clips are learned from and which are held out.

Neighbours sound and read alike, so a held-out clip between two learned ones proves little. Held-out clips come in
stretches of neighbours, and the clips just before and behind a stretch belong to neither part. No text is in both.
"""

import random
import re
from collections.abc import Sequence

from locutor.datasets.manifest import Clip

TRAIN, VAL, GUARD = "train", "val", "guard"
_STRETCH = 8  # clips held out in a row
MIN_CLIPS = 8  # fewer cannot be parted


def split_clips(clips: Sequence[Clip], names: dict[str, str], val_share: float, seed: int) -> list[str]:
    """For each clip TRAIN, VAL or GUARD. names: source id -> its name; neighbours are next to each other in the order
    of speaker, name and time. Fewer than MIN_CLIPS clips are all learned from."""
    order = sorted(range(len(clips)), key=lambda i: (clips[i].speaker, names[clips[i].source], clips[i].start_s))
    wanted = round(val_share * len(clips)) if len(clips) >= MIN_CLIPS else 0
    parts = _parts(len(clips), max(wanted, 1 if val_share > 0 and len(clips) >= MIN_CLIPS else 0), seed)
    split = [TRAIN] * len(clips)
    for place, index in enumerate(order):
        split[index] = parts[place]
    return _without_shared_texts(clips, split)


def _parts(n: int, wanted: int, seed: int) -> list[str]:
    """The parts of n neighbours in a row: stretches of VAL with a GUARD on either side."""
    parts = [TRAIN] * n
    if wanted == 0:
        return parts
    n_stretches = max(1, round(wanted / _STRETCH))
    lengths = [wanted // n_stretches + (i < wanted % n_stretches) for i in range(n_stretches)]
    rng = random.Random(seed)
    block = n // n_stretches
    for number, length in enumerate(lengths):
        room = block - length - 2  # the guards stay within the block
        first = number * block + 1 + rng.randint(0, max(0, room))
        last = min(first + length, n)
        for place in range(max(0, first - 1), min(n, last + 1)):
            parts[place] = VAL if first <= place < last else GUARD
    return parts


def _without_shared_texts(clips: Sequence[Clip], split: list[str]) -> list[str]:
    """A held-out clip whose words are learned from too is held out no more, but not learned from either."""
    learned = {_words(clip) for clip, part in zip(clips, split, strict=True) if part == TRAIN}
    return [GUARD if part == VAL and _words(clip) in learned else part for clip, part in zip(clips, split, strict=True)]


def _words(clip: Clip) -> str:
    return " ".join(re.findall(r"\w+", clip.text.casefold()))
