"""Vocos recorded as CUDA graphs: decoding one utterance is bound by the host's launches, three times over."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from locutor.engines.device import recording
from locutor.engines.f5.graph import MAX_GRAPHS, bucket_rows
from locutor.engines.vocos import Vocos

MAX_FRAMES = 4096  # beyond, the device is slower than the host and a graph saves nothing


class Decoder(Protocol):
    """What turns mels into audio: Vocos itself, or its graphs."""

    def decode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Audio (n_samples,) of each log-mel (n, n_mels), the same as alone."""
        ...


@dataclass
class _Recorded:
    """Inputs that are filled before a replay, and what comes out; kept, for a graph remembers addresses."""

    graph: torch.cuda.CUDAGraph
    mel: Tensor
    valid: Tensor
    audio: Tensor


class GraphDecoder:
    """A vocoder on a CUDA device. An utterance alone is decoded by a graph of its bucket of lengths, recorded when the
    bucket is met the second time; several go through the vocoder together. Graphs share their working memory and the
    least used ones are dropped. Not thread-safe.

    Products are TF32's in both: its mantissa is no shorter than float16's or bfloat16's, which the mels come from, and
    its range float32's.
    """

    def __init__(self, vocoder: Vocos) -> None:
        self._vocoder = vocoder
        self._graphs: OrderedDict[int, _Recorded] = OrderedDict()
        self._met: set[int] = set()
        self._memory = torch.cuda.graph_pool_handle()

    def __len__(self) -> int:
        return len(self._graphs)

    def decode(self, mels: Sequence[Tensor]) -> list[Tensor]:
        bucket = bucket_rows(len(mels[0]))
        alone = len(mels) == 1 and bucket <= MAX_FRAMES
        if alone and bucket in self._met:
            return [self._replay(bucket, mels[0])]
        if alone:
            self._met.add(bucket)
        with _tf32():
            return self._vocoder.decode(mels)

    def _replay(self, bucket: int, mel: Tensor) -> Tensor:
        n = len(mel)
        recorded = self._graphs.get(bucket) or self._record(bucket, mel.device)
        self._graphs.move_to_end(bucket)
        recorded.mel[0, :, :n].copy_(mel.T)
        recorded.mel[0, :, n:].zero_()
        recorded.valid[..., :n].fill_(1)
        recorded.valid[..., n:].zero_()
        recorded.graph.replay()
        return recorded.audio[0, : (n - 1) * self._vocoder.config.hop_length].clone()

    def _record(self, bucket: int, device: torch.device) -> _Recorded:
        mel = torch.zeros(1, self._vocoder.config.n_mels, bucket, device=device)
        valid = torch.ones(1, 1, bucket, device=device)
        # cuDNN prepares each length anew for longer than this takes.
        with _tf32(), torch.backends.cudnn.flags(enabled=False):
            self._vocoder(mel, valid)  # libraries choose their kernels, which cannot happen while recording
            torch.cuda.synchronize(device)
            graph = torch.cuda.CUDAGraph()
            with recording(graph, device, self._memory):
                audio = self._vocoder(mel, valid)
        if len(self._graphs) == MAX_GRAPHS:
            self._graphs.popitem(last=False)
        self._graphs[bucket] = _Recorded(graph, mel, valid, audio)
        return self._graphs[bucket]


@contextmanager
def _tf32() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
