"""Linear interpolation in time of a sequence that is still growing, on the grid of the whole.

F.interpolate(mode="linear", scale_factor=s) of a piece has another grid than that of the whole wherever s times the
piece's length is not whole. Here the place of every output is counted from the sequence's first element, in float32
as torch does it, so pieces put together equal the whole.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """One piece's share of the outputs. n_out: outputs once it is taken. left, right: (k,) inputs beside each of its
    outputs, counted from the first that is kept; weight: (k, 1) of the right one. kept_from: the first input that
    later outputs may need."""

    n_out: int
    left: Tensor
    right: Tensor
    weight: Tensor
    kept_from: int


# Utterances take their pieces at the same places, so nearly all find theirs computed, and on their device.
@lru_cache(maxsize=1024)
def grid(
    scale: float, n_in: int, n_out: int, kept_from: int, last: bool, device: torch.device, dtype: torch.dtype
) -> Grid:
    """n_in: inputs, the piece's among them. n_out: outputs before it. kept_from: the first input at hand."""
    with torch.inference_mode(False):
        later = torch.arange(n_out, max(int(n_in * scale), n_out))
        right = places(later, scale).floor().long() + 1
        n_ready = max(len(later) if last else int((right < n_in).sum()), 0)
        where = places(later[:n_ready], scale)
        left = where.floor().long()
        right = (left + 1).clamp(max=n_in - 1)
        weight = (where - left).to(device, dtype)[:, None]
        ready = n_out + n_ready
        first = int(places(torch.tensor([ready]), scale).floor())
        first = min(max(first, kept_from), n_in)
        return Grid(ready, (left - kept_from).to(device), (right - kept_from).to(device), weight, first)


def places(outputs: Tensor, scale: float) -> Tensor:
    """Where outputs lie between the inputs."""
    step = torch.tensor(1.0 / scale, dtype=torch.float32)
    return (step * (outputs.to(torch.float32) + 0.5) - 0.5).clamp(min=0)


class LinearStretch:
    """One sequence, scaled by `scale`. Elements are vectors: pieces are (n, d)."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._n_in = self._n_out = 0
        self._kept: Tensor | None = None  # the last elements that later outputs may need
        self._kept_from = 0

    def push(self, piece: Tensor, last: bool) -> Tensor:
        """Take the next elements and return the outputs that no later element can change, all of them when `last`."""
        known = piece if self._kept is None else torch.cat([self._kept, piece])
        self._n_in += piece.shape[0]
        found = grid(self._scale, self._n_in, self._n_out, self._kept_from, last, known.device, known.dtype)
        out = known[found.left] * (1 - found.weight) + known[found.right] * found.weight
        self._n_out = found.n_out
        self._kept, self._kept_from = known[found.kept_from - self._kept_from :], found.kept_from
        return out
