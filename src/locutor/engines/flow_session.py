"""A session for engines that solve a flow: one batch, one Euler step a step, all the audio at the end."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from locutor.audio.mel import SAMPLE_RATE
from locutor.engines.base import AudioChunk, Done, Event, Failed, Utterance, UtteranceId
from locutor.engines.device import current_device
from locutor.errors import EngineError
from locutor.types import Waveform

CPU = torch.device("cpu")


class Solve(Protocol):
    """The flow of a batch from noise to speech."""

    @property
    def done(self) -> bool: ...

    def step(self) -> None:
        """One Euler step."""
        ...

    def keep(self, rows: list[int]) -> None:
        """Go on with these samples of the batch only."""
        ...

    def waveforms(self) -> list[Tensor]:
        """Audio of each sample once done, (n_samples,) at 24 kHz."""
        ...


class FlowSession:
    """Takes utterances until its first step; `start` makes the solve of a batch, on the device."""

    def __init__(self, start: Callable[[list[Utterance]], Solve], max_batch: int, device: torch.device = CPU) -> None:
        self._start, self._max_batch, self._device = start, max_batch, device
        self._waiting: dict[UtteranceId, Utterance] = {}
        self._solve: Solve | None = None
        self._n_admitted = 0

    def admit(self, utterance: Utterance) -> UtteranceId:
        if self._solve is not None:
            raise EngineError("this batch has begun and takes no more utterances; open another session")
        if len(self._waiting) == self._max_batch:
            raise EngineError(f"this batch is full: it takes {self._max_batch} utterances")
        self._n_admitted += 1
        self._waiting[self._n_admitted] = utterance
        return self._n_admitted

    def cancel(self, utterance: UtteranceId) -> None:
        if utterance not in self._waiting:
            return
        ids = list(self._waiting)
        del self._waiting[utterance]
        if self._solve is not None and self._waiting:
            self._solve.keep([row for row, i in enumerate(ids) if i != utterance])

    @torch.inference_mode()
    def step(self) -> list[Event]:
        if not self._waiting:
            return []
        try:
            with current_device(self._device):
                return self._advance()
        except torch.OutOfMemoryError:
            longest = max(u.n_frames for u in self._waiting.values())
            error = EngineError(
                f"out of memory with {len(self._waiting)} utterances of up to {longest} frames; "
                "use shorter texts or smaller batches"
            )
            failed: list[Event] = [Failed(i, error) for i in self._waiting]
            self._waiting.clear()
            return failed

    def _advance(self) -> list[Event]:
        if self._solve is None:
            self._solve = self._start(list(self._waiting.values()))
        self._solve.step()
        if not self._solve.done:
            return []
        waveforms = _on_host(self._solve.waveforms())
        events = [event for i, samples in zip(self._waiting, waveforms, strict=True) for event in _finished(i, samples)]
        self._waiting.clear()
        return events


def _on_host(waveforms: list[Tensor]) -> list[Tensor]:
    """Copies from a GPU through pinned memory, waiting for it once for all."""
    if not waveforms[0].is_cuda:
        return [samples.cpu() for samples in waveforms]
    together = torch.cat(waveforms)
    pinned = torch.empty(together.shape, pin_memory=True)
    pinned.copy_(together, non_blocking=True)
    torch.cuda.synchronize(together.device)
    return list(
        torch.split(pinned.clone(), [len(samples) for samples in waveforms])
    )  # pinned memory is not for keeping


def _finished(i: UtteranceId, samples: Tensor) -> list[Event]:
    if not torch.isfinite(samples).all():
        return [Failed(i, EngineError("the network gave NaN or infinite values; try another seed"))]
    return [AudioChunk(i, Waveform(samples.numpy(), SAMPLE_RATE)), Done(i)]
