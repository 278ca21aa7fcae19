"""CUDA graphs of the decode step, one for each size of the batch."""

from collections.abc import Callable, Hashable

import torch

from locutor.engines.device import recording


class StepGraphs:
    """Captures a step the first time it is asked for and replays it afterwards.

    A step must read and write only tensors that stay where they are.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle()

    def play(self, key: Hashable, step: Callable[[], None]) -> None:
        """Do the step: as it is the first time, for a graph must not be captured cold, then from the graph."""
        if key in self._graphs:
            self._graphs[key].replay()
            return
        step()
        graph = torch.cuda.CUDAGraph()
        with recording(graph, self._device, self._pool):
            step()  # recorded, not run
        self._graphs[key] = graph
