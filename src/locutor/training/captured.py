"""Training steps as CUDA graphs: one launch replays what would be thousands.

A step of many small kernels, as those of a vocoder and its judges, is bound by their launches otherwise.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Losses: TypeAlias = dict[str, Tensor]

N_PLAIN = 3  # calls before the capture, in which libraries choose their kernels and optimizers make their state


class Captured:
    """A function of tensors whose shapes never change, captured at its fourth call and replayed from then on.

    The function must not read a value back to the host nor draw random numbers. What it returns is overwritten by the
    next call. memory: a pool (torch.cuda.graph_pool_handle()) that graphs share of which nothing outlives a replay.
    """

    def __init__(self, function: Callable[..., Losses], memory: Any = None) -> None:
        self._function, self._memory, self._n_calls = function, memory, 0
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph = torch.cuda.CUDAGraph()
        self._inputs: tuple[Tensor, ...] = ()
        self._outputs: Losses = {}

    def __call__(self, *inputs: Tensor) -> Losses:
        self._n_calls += 1
        if self._n_calls <= N_PLAIN:
            return self._plain(*inputs)
        if not self._inputs:
            self._inputs = tuple(tensor.clone() for tensor in inputs)
            with torch.cuda.graph(self._graph, pool=self._memory, stream=self._stream):
                self._outputs = self._function(*self._inputs)
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept.copy_(given)
        self._graph.replay()
        return self._outputs

    def _plain(self, *inputs: Tensor) -> Losses:
        """On the stream of the capture, to which gradients remember that they belong."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            outputs = self._function(*inputs)
        torch.cuda.current_stream().wait_stream(self._stream)
        return outputs
