"""Keys and values of the positions that a batch has been through, in tensors that never move.

b: rows, h: heads, s: positions there is room for, e: channels of a head.
"""

import torch
from torch import Tensor

from locutor.engines.xtts.config import XttsConfig

ALIGNED = 64  # fast attention kernels want such numbers of positions


class KVCache:
    """For `rows` utterances at a time. A view on fewer rows or positions shares the memory."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        """keys, values: (layers, b, h, s, e)"""
        self._keys, self._values = keys, values
        self._places = torch.arange(keys.shape[3], device=keys.device)

    @classmethod
    def allocate(cls, config: XttsConfig, rows: int, device: str, dtype: torch.dtype) -> "KVCache":
        """Room for the longest prompt and as many codes as an utterance may have."""
        room = config.n_latents + config.n_text_positions + config.n_audio_positions
        room = -(-room // ALIGNED) * ALIGNED
        shape = (config.layers, rows, config.n_heads, room, config.n_model_channels // config.n_heads)
        return cls(*(torch.zeros(shape, device=device, dtype=dtype) for _ in range(2)))

    @property
    def room(self) -> int:
        """Positions of a row."""
        return self._keys.shape[3]

    @property
    def n_bytes(self) -> int:
        return 2 * self._keys.numel() * self._keys.element_size()

    def view(self, rows: int, room: int) -> "KVCache":
        """The first rows and positions."""
        return KVCache(self._keys[:, :rows, :, :room], self._values[:, :rows, :, :room])

    def fill(self, layer: int, first_row: int, keys: Tensor, values: Tensor) -> None:
        """Put a prompt's keys and values, (b, h, n, e), at the start of rows."""
        rows, n = slice(first_row, first_row + keys.shape[0]), keys.shape[2]
        self._keys[layer, rows, :, :n] = keys
        self._values[layer, rows, :, :n] = values

    def put(self, layer: int, keys: Tensor, values: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Put one position a row, (b, h, 1, e), and return all of the layer, (b, h, s, e). positions: (b,)"""
        rows = torch.arange(positions.shape[0], device=positions.device)
        self._keys[layer][rows, :, positions] = keys[:, :, 0]
        self._values[layer][rows, :, positions] = values[:, :, 0]
        return self._keys[layer], self._values[layer]

    def mask(self, positions: Tensor, dtype: torch.dtype) -> Tensor:
        """What a row at a position may look at: 0 up to it and minus infinity after, (b, 1, 1, s)."""
        hidden = self._places[None] > positions[:, None]
        return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, -torch.inf)[
            :, None, None
        ]

    def move(self, source: int, target: int) -> None:
        """Copy one row over another."""
        self._keys[:, target] = self._keys[:, source]
        self._values[:, target] = self._values[:, source]
