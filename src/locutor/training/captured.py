"""Training steps as CUDA graphs: one launch replays what would be thousands.

A step of many small kernels, as those of a vocoder and its judges, is bound by their launches otherwise.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

import torch
from torch import Tensor

from locutor.engines.device import capture_stream, recording

Losses: TypeAlias = dict[str, Tensor]

N_PLAIN = 3  # calls in which libraries choose their kernels and optimizers make their state


class Workspace:
    """Memory that captured functions of many shapes share, for no two run at a time.

    Nothing in it outlives a call but what was made in the first ones and is held by others, such as gradients.
    """

    def __init__(self) -> None:
        self.pool = torch.cuda.MemPool()
        self._places: dict[tuple[int, torch.dtype, int], Tensor] = {}

    def hold(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Tensors of the same shapes, of which the i-th shares its place with the i-th of about the same size."""
        return tuple(self._place(i, tensor) for i, tensor in enumerate(inputs))

    def _place(self, i: int, tensor: Tensor) -> Tensor:
        n, size = tensor.numel(), 1 << tensor.numel().bit_length()
        place = self._places.setdefault((i, tensor.dtype, size), tensor.new_empty(size))
        return place[:n].view(tensor.shape)


class Captured:
    """A function of tensors whose shapes never change, captured after n_plain calls and replayed from then on.

    The function must not read a value back to the host, nor draw random numbers but from CUDA's default generator. What
    it returns is overwritten by the next call of whatever shares its workspace.
    """

    def __init__(
        self, function: Callable[..., Losses], workspace: Workspace | None = None, n_plain: int = N_PLAIN
    ) -> None:
        self._graph = torch.cuda.CUDAGraph()  # first, to end before the workspace that it uses
        self._function, self._workspace, self._n_plain, self._n_calls = function, workspace, n_plain, 0
        self._inputs: tuple[Tensor, ...] = ()
        self._outputs: Losses = {}

    def __call__(self, *inputs: Tensor) -> Losses:
        if not self._inputs:
            self._inputs = self._workspace.hold(inputs) if self._workspace else tuple(map(torch.empty_like, inputs))
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept.copy_(given)
        self._n_calls += 1
        with torch.autograd.set_multithreading_enabled(False):  # memory and handles of libraries belong to a thread
            if self._n_calls <= self._n_plain:
                return self._plain()
            if self._n_calls == self._n_plain + 1:
                self._capture()
        self._graph.replay()
        return self._outputs

    def _capture(self) -> None:
        with recording(self._graph, _device(), self._workspace.pool.id if self._workspace else None):
            self._outputs = self._function(*self._inputs)

    def _plain(self) -> Losses:
        """On the stream of the capture, to which gradients remember that they belong."""
        pool: AbstractContextManager[None] = nullcontext()
        if self._workspace is not None:
            torch.cuda.empty_cache()  # inside a pool, what others keep for later is not freed when memory is short
            pool = torch.cuda.use_mem_pool(self._workspace.pool)
        stream = capture_stream(_device())
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), pool:
            outputs = self._function(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return outputs


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())
