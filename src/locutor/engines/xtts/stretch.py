"""Linear interpolation in time of a sequence that is still growing, on the grid of the whole.

F.interpolate(mode="linear", scale_factor=s) of a piece has another grid than that of the whole wherever s times the
piece's length is not whole. Here the place of every output is counted from the sequence's first element, in float32
as torch does it, so pieces put together equal the whole.
"""

import torch
from torch import Tensor


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
        n_ready = int(self._n_in * self._scale) if last else self._n_settled()
        out = self._interpolate(known, n_ready)
        self._n_out = max(n_ready, self._n_out)
        self._keep(known)
        return out

    def _n_settled(self) -> int:
        """Outputs whose right neighbour in the input is known."""
        later = torch.arange(self._n_out, max(int(self._n_in * self._scale), self._n_out))
        right = self._places(later).floor().long() + 1
        return self._n_out + int((right < self._n_in).sum())

    def _places(self, outputs: Tensor) -> Tensor:
        """Where outputs lie between the inputs."""
        step = torch.tensor(1.0 / self._scale, dtype=torch.float32)
        return (step * (outputs.to(torch.float32) + 0.5) - 0.5).clamp(min=0)

    def _interpolate(self, known: Tensor, n_ready: int) -> Tensor:
        places = self._places(torch.arange(self._n_out, max(n_ready, self._n_out)))
        left = places.floor().long()
        right = (left + 1).clamp(max=self._n_in - 1)
        weight = (places - left).to(known)[:, None]
        left, right = ((i - self._kept_from).to(known.device) for i in (left, right))
        return known[left] * (1 - weight) + known[right] * weight

    def _keep(self, known: Tensor) -> None:
        first = int(self._places(torch.tensor([self._n_out])).floor())
        first = min(max(first, self._kept_from), self._n_in)
        self._kept, self._kept_from = known[first - self._kept_from :], first
