"""One batch of F5 utterances on the device: the solve that a FlowSession steps through."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from locutor.engines.base import Utterance
from locutor.engines.device import sent
from locutor.engines.f5.decoder import Decoder
from locutor.engines.f5.graph import Batch, GraphPool
from locutor.engines.f5.packing import Packing
from locutor.engines.f5.runtime import Runtime
from locutor.engines.f5.sampling import SolveOptions, draw_noise
from locutor.engines.f5.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An utterance's own state: token ids of transcript and text, the reference's mel (n_ref, m), output gain."""

    ids: tuple[int, ...]
    mel: Tensor
    gain: float


class Solve:
    """The flow of a batch from noise to mel. Everything that does not change with time is computed once, and nothing
    between the first step and the last waits for the device."""

    def __init__(
        self,
        runtime: Runtime,
        decoder: Decoder,
        utterances: list[Utterance],
        options: SolveOptions,
        graphs: GraphPool | None = None,
    ) -> None:
        """graphs: of the same runtime; without, every step is launched kernel by kernel."""
        self._runtime, self._decoder, self._graphs = runtime, decoder, graphs
        self._prepared: list[Prepared] = [u.state for u in utterances]
        self._schedule = runtime.schedule(options.nfe_step, options.sway_sampling_coef)
        self._factors = sent(step_factors(self._schedule, options.cfg_strength), runtime.device)
        self._n_done = 0
        lengths = [u.n_frames for u in utterances]
        context = self._context(lengths, options.is_guided)
        self._begin(Batch(lengths, self._noise(lengths, [u.seed for u in utterances]), context))

    @property
    def done(self) -> bool:
        return self._n_done == self._schedule.n_steps

    def step(self) -> None:
        """One Euler step."""
        runtime, batch = self._runtime, self._batch
        modulation, factors = self._schedule.modulation[self._n_done], self._factors[self._n_done]
        if self._graphs is not None and self._bucket is not None:
            self._graphs.step(self._bucket, batch, modulation, factors)
        else:
            velocity = runtime.velocity(batch.state, modulation, batch.context, self._packing)
            batch.state = runtime.ops.advance(batch.state, velocity, factors)
        self._n_done += 1

    def mel(self, row: int) -> Tensor:
        """State of one sample over its own frames, (n, m)."""
        return torch.split(self._batch.state, self._batch.lengths)[row]

    def keep(self, rows: list[int]) -> None:
        """Go on with these samples only."""
        batch = self._batch
        state = torch.split(batch.state, batch.lengths)
        context = torch.split(batch.context, batch.lengths * (1 + batch.twins))
        kept = rows + [len(batch.lengths) + row for row in rows] if batch.twins else rows
        self._prepared = [self._prepared[row] for row in rows]
        self._begin(
            Batch(
                [batch.lengths[row] for row in rows],
                torch.cat([state[row] for row in rows]),
                torch.cat([context[row] for row in kept]),
            )
        )

    def waveforms(self) -> list[Tensor]:
        """Audio of each sample from its first new frame on; upstream keeps the reference's last one."""
        new = [self.mel(row)[len(prepared.mel) :] for row, prepared in enumerate(self._prepared)]
        audio = self._decoder.decode(new)
        return [samples * prepared.gain for samples, prepared in zip(audio, self._prepared, strict=True)]

    def _begin(self, batch: Batch) -> None:
        self._batch = batch
        self._bucket = None if self._graphs is None else self._graphs.find(batch.lengths, batch.twins)
        if self._bucket is None:
            self._packing = Packing.of(batch.lengths * (1 + batch.twins), self._runtime.device)

    def _context(self, lengths: list[int], twins: bool) -> Tensor:
        if self._graphs is not None and len(lengths) == 1 and self._graphs.has_met(lengths, twins):
            (prepared,) = self._prepared
            return self._graphs.context(prepared.ids, prepared.mel[: lengths[0]], lengths[0], twins)
        ids, mels = [p.ids for p in self._prepared], [p.mel for p in self._prepared]
        return self._runtime.context(ids, mels, lengths, twins)

    def _noise(self, lengths: list[int], seeds: list[int]) -> Tensor:
        """Drawn by a thread for each of several samples: the device waits for it, a millisecond each otherwise."""
        n_mels = [self._runtime.config.n_mels] * len(lengths)
        if len(lengths) == 1:
            return self._runtime.send(draw_noise(lengths[0], n_mels[0], seeds[0]))
        with ThreadPoolExecutor() as pool:
            return self._runtime.send(torch.cat(list(pool.map(draw_noise, lengths, n_mels, seeds))))


def step_factors(schedule: Schedule, cfg_strength: float) -> Tensor:
    """Length and strength of the guidance of every step, (steps, 2) float32."""
    return torch.tensor([[schedule.step_length(k), cfg_strength] for k in range(schedule.n_steps)])
