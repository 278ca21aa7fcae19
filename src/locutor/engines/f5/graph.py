"""Euler steps recorded as CUDA graphs: the host launches one graph a step instead of some two hundred kernels.

A graph is recorded for a number of rows and of sequences, the bucket, and serves every batch that fits it: lengths,
context, modulation and step length are read from tensors that are filled before. The rows that a batch leaves over make
a sequence of their own, which nothing else hears.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locutor.engines.device import recording
from locutor.engines.f5.layout import packed
from locutor.engines.f5.packing import Packing, packing_index
from locutor.engines.f5.runtime import Runtime

MAX_ROWS = 8192  # of both guidance halves: beyond, the device is slower than the host and a graph saves nothing
MAX_UTTERANCES = 8
MAX_GRAPHS = 64
FINENESS = 13  # buckets are at most 1 / 13 apart


def bucket_rows(n: int, fineness: int = FINENESS) -> int:
    """Rows of the smallest bucket that holds n, a multiple of 16: padding is below 8 % except for very few rows.

    fineness: buckets are at most its inverse apart.
    """
    step = 16
    while step * 2 * fineness <= n:
        step *= 2
    return -(-n // step) * step


@dataclass(frozen=True)
class Bucket:
    """rows: of one guidance half. slots: sequences of one half, the left-over rows' among them."""

    rows: int
    slots: int
    twins: bool

    @property
    def all_rows(self) -> int:
        return self.rows * (2 if self.twins else 1)

    @classmethod
    def of(cls, lengths: Sequence[int], twins: bool) -> "Bucket | None":
        """None where a graph would not pay."""
        rows, slots = bucket_rows(sum(lengths)), 1 << (len(lengths) - 1).bit_length()
        bucket = cls(rows, slots + 1, twins)
        return None if slots > MAX_UTTERANCES or bucket.all_rows > MAX_ROWS else bucket

    def lengths(self, lengths: Sequence[int]) -> list[int]:
        """Of all sequences, with the empty slots and the left-over rows."""
        half = [*lengths, *[0] * (self.slots - 1 - len(lengths)), self.rows - sum(lengths)]
        return half * (2 if self.twins else 1)

    def index(self, lengths: Sequence[int]) -> Tensor:
        """packing_index of a batch; the left-over rows are heard by nobody."""
        all_lengths = self.lengths(lengths)
        return packing_index(all_lengths, range(self.slots - 1, len(all_lengths), self.slots))


@dataclass
class _Recorded:
    graph: torch.cuda.CUDAGraph
    index: Tensor


@dataclass
class _Embedding:
    """Runtime.embed of one utterance, recorded: inputs that are filled before, and what comes out.

    Every tensor the graph reads is kept here: a graph remembers addresses, and what is freed is soon something else's.
    """

    graph: torch.cuda.CUDAGraph
    rows: Tensor
    cond: Tensor
    valid: Tensor
    dropped: Tensor
    out: Tensor


class GraphPool:
    """The graphs of one runtime, recorded when a bucket is met the second time; the least used ones are dropped.

    Graphs are replayed one at a time and share their working memory. Not thread-safe.
    """

    def __init__(self, runtime: Runtime) -> None:
        m, d = runtime.config.n_mels, runtime.config.dim
        device = runtime.device
        self._runtime = runtime
        self._state = torch.zeros(MAX_ROWS, m, device=device)
        self._context = torch.zeros(MAX_ROWS, d, dtype=runtime.residual, device=device)
        self._modulation = torch.zeros(6 * runtime.config.depth + 2, d, device=device)
        self._factors = torch.zeros(2, device=device)
        self._graphs: OrderedDict[Bucket, _Recorded] = OrderedDict()
        self._met: set[Bucket] = set()
        self._memory = torch.cuda.graph_pool_handle()
        self._loaded: object = None
        self._embeddings: OrderedDict[tuple[int, bool], _Embedding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._graphs)

    def has_met(self, lengths: Sequence[int], twins: bool) -> bool:
        """Whether find would give a bucket."""
        return Bucket.of(lengths, twins) in (*self._graphs, *self._met)

    def find(self, lengths: Sequence[int], twins: bool) -> Bucket | None:
        """The bucket of a batch if it has a graph or is due for one; None means: compute it step by step."""
        bucket = Bucket.of(lengths, twins)
        if bucket is None or bucket in self._graphs or bucket in self._met:
            return bucket
        self._met.add(bucket)
        return None

    def context(self, ids: Sequence[int], mel: Tensor, n: int, twins: bool) -> Tensor:
        """Runtime.context of a single utterance of n frames."""
        key = (bucket_rows(n), twins)
        recorded = self._embeddings.get(key) or self._record_embedding(*key)
        self._embeddings.move_to_end(key)
        recorded.rows.copy_(self._runtime.send(packed(ids[:n], key[0])), non_blocking=True)
        recorded.cond[0, : len(mel)].copy_(self._runtime.send(mel))
        recorded.cond[0, len(mel) :].zero_()
        recorded.valid[:, :n].fill_(1)
        recorded.valid[:, n:].zero_()
        recorded.graph.replay()
        return torch.cat(list(recorded.out[:, :n]))  # (halves, n, d) -> (r, d), a copy

    def _record_embedding(self, rows: int, twins: bool) -> _Embedding:
        runtime, halves = self._runtime, 1 + twins
        device = runtime.device
        text = torch.zeros(rows, dtype=torch.long, device=device)
        cond = torch.zeros(halves, rows, runtime.config.n_mels, device=device)
        valid = torch.ones(halves, rows, 1, dtype=runtime.dtype, device=device)
        dropped = torch.arange(halves, device=device) > 0

        def embed() -> Tensor:
            return runtime.embed(text.expand(halves, -1), cond, valid, dropped)

        embed()
        torch.cuda.synchronize(device)
        graph = torch.cuda.CUDAGraph()
        with recording(graph, device, self._memory):
            out = embed()
        if len(self._embeddings) == MAX_GRAPHS:
            self._embeddings.popitem(last=False)
        self._embeddings[rows, twins] = _Embedding(graph, text, cond, valid, dropped, out)
        return self._embeddings[rows, twins]

    def step(self, bucket: Bucket, batch: "Batch", modulation: Tensor, factors: Tensor) -> None:
        """One Euler step of a batch; its state is changed in place."""
        recorded = self._graphs.get(bucket) or self._record(bucket, batch)
        self._graphs.move_to_end(bucket)
        n = len(batch.state)
        if self._loaded is not batch:
            self._load(bucket, recorded, batch)
        self._state[:n].copy_(batch.state)
        self._modulation.copy_(modulation)
        self._factors.copy_(factors)
        recorded.graph.replay()
        batch.state.copy_(self._state[:n])

    def _load(self, bucket: Bucket, recorded: _Recorded, batch: "Batch") -> None:
        n = len(batch.state)
        self._state[n : bucket.rows].zero_()
        context = self._context[: bucket.all_rows]
        context[:n].copy_(batch.context[:n])
        context[n : bucket.rows].zero_()
        if bucket.twins:
            context[bucket.rows : bucket.rows + n].copy_(batch.context[n:])
            context[bucket.rows + n :].zero_()
        recorded.index.copy_(bucket.index(batch.lengths), non_blocking=True)
        self._loaded = batch

    def _record(self, bucket: Bucket, batch: "Batch") -> _Recorded:
        index = bucket.index(batch.lengths).to(self._runtime.device)
        # What a kernel is told about the longest sequence must hold for every batch of the bucket.
        packing = Packing.from_index(bucket.lengths(batch.lengths), index, longest=bucket.rows)
        step = self._stepper(bucket, packing)
        step()  # compiles kernels and lets libraries choose theirs, which cannot happen while recording
        torch.cuda.synchronize(self._runtime.device)
        graph = torch.cuda.CUDAGraph()
        with recording(graph, self._runtime.device, self._memory):
            step()
        if len(self._graphs) == MAX_GRAPHS:
            self._graphs.popitem(last=False)
        self._loaded = None
        self._graphs[bucket] = _Recorded(graph, index)
        return self._graphs[bucket]

    def _stepper(self, bucket: Bucket, packing: Packing) -> Callable[[], None]:
        runtime = self._runtime
        state, context = self._state[: bucket.rows], self._context[: bucket.all_rows]

        def step() -> None:
            velocity = runtime.velocity(state, self._modulation, context, packing)
            runtime.ops.advance(state, velocity, self._factors)

        return step


@dataclass(eq=False)
class Batch:
    """A batch of a solve. lengths: of each utterance. state: (r, m) float32, r their sum. context: (r, d), or (2 r, d)
    with guidance."""

    lengths: list[int]
    state: Tensor
    context: Tensor

    @property
    def twins(self) -> bool:
        return len(self.context) > len(self.state)
