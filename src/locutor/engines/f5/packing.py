"""Sequences of any lengths laid end to end in one tensor of rows, so that a batch has no padding.

With guidance every utterance has two sequences: first come all the conditional ones, then their unconditional twins.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from locutor.engines.device import sent

TILE = 64  # query rows of one program of the attention kernel


@dataclass(frozen=True)
class Packing:
    """Where each sequence lies. All tensors are int32 on the device of the rows.

    lengths: of every sequence, in order; together they cover all rows. first, end: (rows,) bounds of the sequence that
    a row belongs to. bounds: (n_sequences + 1,). tiles: (n_tiles, 3), first query row and bounds of the sequence, where
    a tile that begins at the end of its sequence is empty. longest: a bound of the lengths.
    """

    lengths: tuple[int, ...]
    first: Tensor
    end: Tensor
    bounds: Tensor
    tiles: Tensor
    longest: int

    @property
    def n_rows(self) -> int:
        return sum(self.lengths)

    @property
    def position(self) -> Tensor:
        """Of each row in its sequence, (rows,) int64."""
        return torch.arange(self.n_rows, device=self.first.device) - self.first

    def spans(self) -> list[slice]:
        """Rows of each sequence that is not empty."""
        ends = accumulate(self.lengths)
        return [slice(end - n, end) for n, end in zip(self.lengths, ends, strict=True) if n]

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device | str = "cpu") -> "Packing":
        """Sequences as they are, without any padding."""
        return cls.from_index(lengths, sent(packing_index(lengths), device))

    @classmethod
    def from_index(cls, lengths: Sequence[int], index: Tensor, longest: int | None = None) -> "Packing":
        """The views of one tensor that packing_index has filled. longest: a bound, by default the longest."""
        rows, n = sum(lengths), len(lengths)
        first, end, bounds, tiles = torch.split(index, [rows, rows, n + 1, index.numel() - 2 * rows - n - 1])
        return cls(tuple(lengths), first, end, bounds, tiles.view(-1, 3), longest or max(lengths))


def packing_index(lengths: Sequence[int], unheard: Collection[int] = ()) -> Tensor:
    """All index tensors of a packing in one, on the CPU, so that they travel to a device in one copy.

    Its size depends on the sum and the number of the lengths alone, for there are as many tiles as there can be at
    most: a captured graph can be given another packing.
    unheard: sequences that nobody listens to; they get no tiles, so that what attention gives for them is anything.
    """
    sizes = np.asarray(lengths, np.int32)
    ends = np.cumsum(sizes, dtype=np.int32)
    starts = ends - sizes
    heard = np.array([i for i in range(len(sizes)) if i not in unheard], np.int64)
    n_tiles = -(-sizes[heard] // TILE)
    of_tile = heard.repeat(n_tiles)
    in_sequence = np.arange(len(of_tile)) - (np.cumsum(n_tiles) - n_tiles).repeat(n_tiles)
    tiles = np.zeros((-(-ends[-1] // TILE) + len(sizes), 3), np.int32)
    tiles[: len(of_tile)] = np.stack([starts[of_tile] + TILE * in_sequence, starts[of_tile], ends[of_tile]], axis=1)
    # In NumPy, for PyTorch wakes all its threads for this little.
    index = [starts.repeat(sizes), ends.repeat(sizes), np.zeros(1, np.int32), ends, tiles.ravel()]
    return torch.from_numpy(np.concatenate(index))
