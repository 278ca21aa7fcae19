"""Parts of a network compiled for training: on an H200 the 336M F5 network trained 1.8 times as many frames a second
with them (docs/performance.md)."""

from collections.abc import Iterator

from torch import nn

from locutor.engines.device import missing_for_triton
from locutor.engines.f5.dit import InputEmbedding, TextEmbedding
from locutor.errors import OptionError


def compile_blocks(network: nn.Module) -> None:
    """torch.compile, in place, of the parts that a network is made of; names and weights stay.

    Lengths stay dynamic, so that batches of many sizes do not compile anew. Raises OptionError without a CUDA device
    or what is needed to compile for it.
    """
    device = next(network.parameters()).device
    if device.type != "cuda":
        raise OptionError(f"compile is for CUDA devices, and the network is on {device}; leave it off")
    if missing := missing_for_triton():
        raise OptionError(f"compile needs {missing}; install it, or leave compile off")
    for part in parts_of(network):
        part.compile(dynamic=True)


def parts_of(network: nn.Module) -> Iterator[nn.Module]:
    """What stands in the network's outermost lists, such as `transformer_blocks`, and F5's embeddings as a whole."""
    for child in network.children():
        if isinstance(child, nn.ModuleList):
            yield from child
        elif isinstance(child, TextEmbedding | InputEmbedding):
            yield child
        else:
            yield from parts_of(child)
