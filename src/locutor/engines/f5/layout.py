"""How token ids lie over mel frames: F5 packs them at the start and fills the rest with fillers."""

from collections.abc import Sequence

import torch
from torch import Tensor

FILLER = 0  # row 0 of the embedding; token i of the vocabulary is row i + 1


def packed(ids: Sequence[int], n_frames: int) -> Tensor:
    """Embedding rows for each frame, (n_frames,) int64. Tokens that do not fit are cut off, as upstream does."""
    rows = torch.full((n_frames,), FILLER, dtype=torch.long)
    kept = torch.tensor(list(ids[:n_frames]), dtype=torch.long) + 1
    rows[: len(kept)] = kept
    return rows


def frame_mask(n_frames: Sequence[int]) -> Tensor:
    """Which frames of a padded batch are real, (b, max n) bool."""
    lengths = torch.tensor(n_frames)
    return torch.arange(int(lengths.max()))[None] < lengths[:, None]
