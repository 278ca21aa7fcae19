"""Keys and values of the positions that a batch has been through, in tensors that never move.

b: rows, h: heads, s: positions there is room for, e: channels of a head.
"""

import torch
from torch import Tensor

from locutor.engines.xtts.config import XttsConfig

ALIGNED = 64  # fast attention kernels want such numbers of positions


class KVCache:
    """For `rows` utterances at a time. A view on fewer rows or positions shares the memory."""

    def __init__(self, stored: Tensor) -> None:
        """stored: (layers, 2, b, h, s, e), keys and values."""
        self._stored = stored
        self._places = torch.arange(stored.shape[4], device=stored.device)
        self._rows = torch.arange(stored.shape[2], device=stored.device)

    @classmethod
    def allocate(cls, config: XttsConfig, rows: int, device: str, dtype: torch.dtype) -> "KVCache":
        """Room for the longest prompt and as many codes as an utterance may have."""
        room = config.n_latents + config.n_text_positions + config.n_audio_positions
        room = -(-room // ALIGNED) * ALIGNED
        shape = (config.layers, 2, rows, config.n_heads, room, config.n_model_channels // config.n_heads)
        return cls(torch.zeros(shape, device=device, dtype=dtype))

    @property
    def room(self) -> int:
        """Positions of a row."""
        return self._stored.shape[4]

    def view(self, rows: int, room: int) -> "KVCache":
        """The first rows and positions."""
        return KVCache(self._stored[:, :, :rows, :, :room])

    def fill(self, layer: int, first_row: int, both: Tensor) -> None:
        """Put a prompt's keys and values, (2, b, h, n, e), at the start of rows."""
        self._stored[layer, :, first_row : first_row + both.shape[1], :, : both.shape[3]] = both

    def put(self, layer: int, both: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Put one position a row, (2, b, h, 1, e), and return the layer's keys and values, (b, h, s, e) each.

        positions: (b,), below `room`.
        """
        stored = self._stored[layer]
        stored[:, self._rows, :, positions] = both[:, :, :, 0].transpose(0, 1)  # (b, 2, h, e)
        return stored[0], stored[1]

    def mask(self, positions: Tensor, dtype: torch.dtype) -> Tensor:
        """What a row at a position may look at: 0 up to it and minus infinity after, (b, 1, 1, s)."""
        hidden = self._places[None] > positions[:, None]
        return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, -torch.inf)[
            :, None, None
        ]

    def move(self, source: int, target: int) -> None:
        """Copy one row over another."""
        self._stored[:, :, target] = self._stored[:, :, source]
