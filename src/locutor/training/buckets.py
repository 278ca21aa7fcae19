"""Batches of clips of like length, as many as fit a number of frames."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch


@dataclass(frozen=True)
class FrameBuckets:
    """Which clips go together. batches: indices of clips, each batch's frames within the bound when padded; the
    largest batch is the last."""

    batches: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, n_frames: Sequence[int], frames_per_batch: int, max_clips: int) -> "FrameBuckets":
        """Pack clips, sorted by length, so that longest * count <= frames_per_batch and count <= max_clips.

        Unlike upstream, which counts real frames, the padding is counted: memory follows what is computed. A clip
        longer than frames_per_batch makes a batch of its own. The largest batch is as small as it can be with as few
        batches, so that no handful of clips is left over for a step that costs a whole one's launches.
        """
        order = sorted(range(len(n_frames)), key=lambda i: (n_frames[i], i))
        lengths = [n_frames[i] for i in order]
        most = len(_filled(lengths, frames_per_batch, max_clips))
        bounds = range(1, frames_per_batch)
        bound = 1 + bisect_left(bounds, -most, key=lambda bound: -len(_filled(lengths, bound, max_clips)))
        counts = _filled(lengths, bound, max_clips)
        ends = accumulate(counts)
        batches = [tuple(order[end - n : end]) for n, end in zip(counts, ends, strict=True)]
        return cls(tuple(sorted(batches, key=lambda batch: len(batch) * n_frames[batch[-1]])))

    def draw(self, generator: torch.Generator) -> tuple[int, ...]:
        """One batch, any with the same probability."""
        return self.batches[int(torch.randint(len(self.batches), (), generator=generator))]

    def in_epoch(self, step: int, seed: int) -> tuple[int, ...]:
        """The batch of a step when every batch comes once an epoch, in an order drawn anew from (seed, epoch)."""
        epoch, place = divmod(step, len(self.batches))
        order = torch.randperm(len(self.batches), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        return self.batches[int(order[place])]


def _filled(lengths: Sequence[int], frames_per_batch: int, max_clips: int) -> list[int]:
    """How many clips of ascending length go into each batch when each takes as many as it may."""
    counts = [0]
    for length in lengths:
        if counts[-1] and (length * (counts[-1] + 1) > frames_per_batch or counts[-1] == max_clips):
            counts.append(0)
        counts[-1] += 1
    return counts if counts[0] else []
