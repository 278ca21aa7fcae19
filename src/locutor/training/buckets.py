"""Batches of clips of like length, as many as fit a number of frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class FrameBuckets:
    """Which clips go together. batches: indices of clips, each batch's frames within the bound when padded."""

    batches: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, n_frames: Sequence[int], frames_per_batch: int, max_clips: int) -> "FrameBuckets":
        """Pack clips, sorted by length, so that longest * count <= frames_per_batch and count <= max_clips.

        Unlike upstream, which counts real frames, the padding is counted: memory follows what is computed. A clip
        longer than frames_per_batch makes a batch of its own.
        """
        order = sorted(range(len(n_frames)), key=lambda i: (n_frames[i], i))
        batches: list[tuple[int, ...]] = []
        batch: list[int] = []
        for i in order:
            if batch and (n_frames[i] * (len(batch) + 1) > frames_per_batch or len(batch) == max_clips):
                batches.append(tuple(batch))
                batch = []
            batch.append(i)
        if batch:
            batches.append(tuple(batch))
        return cls(tuple(batches))

    def draw(self, generator: torch.Generator) -> tuple[int, ...]:
        """One batch, any with the same probability."""
        return self.batches[int(torch.randint(len(self.batches), (), generator=generator))]

    def in_epoch(self, step: int, seed: int) -> tuple[int, ...]:
        """The batch of a step when every batch comes once an epoch, in an order drawn anew from (seed, epoch)."""
        epoch, place = divmod(step, len(self.batches))
        order = torch.randperm(len(self.batches), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        return self.batches[int(order[place])]
