"""The batch on the device: prompts go in at any time, every step makes one code of each row.

What a row knows lies in tensors that never move, so that a CUDA graph can be played over them; nothing of it is kept
on the network. b: rows, d: model channels, v: audio codes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from locutor.engines.xtts.cache import KVCache
from locutor.engines.xtts.gpt import Gpt
from locutor.engines.xtts.graph import StepGraphs
from locutor.engines.xtts.sampling import RowOptions, SamplingOptions, already_seen, next_codes

ROOM_STEP = 256  # attention looks at this many positions, or a multiple


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a row begins with. prompt: (n, d). expected_codes: length of the speech, for the stop bias."""

    prompt: Tensor
    seed: int
    options: SamplingOptions
    expected_codes: float


@dataclass(frozen=True)
class Made:
    """What one call made of each row: codes (b, k) on the CPU, and the states (b, k, d) they were drawn from."""

    codes: Tensor
    states: Tensor


class Noise:
    """Exponential noise of one row from its own generator.

    On the CPU it is drawn step by step, and is then what torch.multinomial draws under the same seed.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator = torch.Generator(device).manual_seed(seed)

    def fill(self, noise: Tensor) -> None:
        """The next steps' noise, (steps, v)."""
        for part in noise if noise.device.type == "cpu" else [noise]:
            part.exponential_(generator=self._generator)


class Decoder:
    """Rows 0 to n_rows - 1 are in use. `steps` codes are made in one call."""

    def __init__(self, gpt: Gpt, max_rows: int, steps: int) -> None:
        self._gpt, self.config, self.steps = gpt, gpt.config, steps
        self._device = gpt.mel_head.weight.device
        self._cache = KVCache.allocate(gpt.config, max_rows, str(self._device), gpt.gpt.dtype)
        d, v = gpt.config.n_model_channels, gpt.config.num_audio_tokens
        self.max_rows, self.n_rows = max_rows, 0
        self._options = RowOptions(max_rows, self._device)
        self._seen = already_seen(gpt.config, max_rows, self._device)
        self._state = torch.zeros(max_rows, d, device=self._device)  # after the last position
        self._position = torch.zeros(max_rows, dtype=torch.long, device=self._device)  # of the next one
        self._n_codes = torch.zeros(max_rows, dtype=torch.long, device=self._device)
        self._noise = torch.ones(max_rows, steps, v, device=self._device)
        self._codes = torch.zeros(max_rows, steps, dtype=torch.long, device=self._device)
        self._states = torch.zeros(max_rows, steps, d, device=self._device)
        self._lengths: list[int] = []  # positions in use, by row
        self._sources: list[Noise] = []
        self._graphs = StepGraphs(self._device) if self._device.type == "cuda" else None

    def clear(self) -> None:
        """Leave no row in use."""
        self._lengths.clear()
        self._sources.clear()
        self.n_rows = 0

    def admit(self, starts: list[Start]) -> range:
        """Run prompts into new rows and say which they are."""
        first, rows = self.n_rows, range(self.n_rows, self.n_rows + len(starts))
        assert rows.stop <= self.max_rows
        states = self._gpt.prefill([s.prompt for s in starts], self._cache, first)
        self._state[first : rows.stop] = states
        self._seen[first : rows.stop] = already_seen(self.config, len(starts), self._device)
        for row, start in zip(rows, starts, strict=True):
            n = start.prompt.shape[0]
            self._position[row], self._n_codes[row] = n, 0
            self._options.set(row, start.options, start.expected_codes, self.config.num_audio_tokens)
            self._lengths.append(n)
            self._sources.append(Noise(start.seed, self._device))
            self._sources[row].fill(self._noise[row])
        self.n_rows = rows.stop
        return rows

    def run(self) -> Made:
        """`steps` codes of each row; what follows a stop code is of no meaning."""
        n = self.n_rows
        rows, room = self._bucket(n), self._room()
        if self._graphs:
            self._graphs.play((rows, room), lambda: self._advance(rows, room))
        else:
            self._advance(rows, room)
        for source, noise in zip(self._sources, self._noise, strict=False):  # while the device is busy
            source.fill(noise)
        self._lengths = [min(length + self.steps, self._cache.room) for length in self._lengths]
        return Made(self._codes[:n].cpu(), self._states[:n].clone())

    def release(self, row: int) -> int | None:
        """Free a row; the last one takes its place, and its old number is returned unless it was the row itself."""
        last = self.n_rows - 1
        if row != last:
            self._cache.move(last, row)
            per_row = (self._noise, self._seen, self._state, self._position, self._n_codes, *self._options.tensors())
            for tensor in per_row:
                tensor[row] = tensor[last]
            self._lengths[row], self._sources[row] = self._lengths[last], self._sources[last]
        self._lengths.pop()
        self._sources.pop()
        self.n_rows = last
        return last if row != last else None

    def _bucket(self, n: int) -> int:
        """Rows that are computed: on a GPU a power of two, so that few graphs serve all."""
        if not self._graphs:
            return n
        return min(1 << (n - 1).bit_length(), self.max_rows)

    def _room(self) -> int:
        needed = max(self._lengths) + self.steps
        return min(-(-needed // ROOM_STEP) * ROOM_STEP, self._cache.room)

    def _advance(self, rows: int, room: int) -> None:
        for step in range(self.steps):
            self._step(rows, room, step)

    def _step(self, rows: int, room: int, step: int) -> None:
        """Draw a code from the state, then put the state after it in its place."""
        state, n_codes, seen = self._state[:rows], self._n_codes[:rows], self._seen[:rows]
        # Rows that only fill up the batch stand anywhere; they must not be written beyond the positions in view.
        position = self._position[:rows].clamp(max=room - 1)
        noise, stop = self._noise[:rows, step], self.config.stop_audio_token
        codes = next_codes(self._gpt.logits(state), seen, n_codes, self._options.view(rows), noise, stop)
        self._codes[:rows, step] = codes
        self._states[:rows, step] = state
        seen.scatter_(1, codes[:, None], True)
        n_codes.add_(1).clamp_(max=self.config.n_audio_positions - 1)
        after = self._gpt.decode(codes, n_codes, self._cache.view(rows, room), position)
        state.copy_(after)
        self._position[:rows] = position + 1
