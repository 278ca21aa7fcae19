"""Loading a model by its id, in whatever process is to speak with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from locutor.engines.base import Engine
from locutor.engines.checkpoints import Checkpoint, CheckpointStore
from locutor.engines.device import choose_device, chosen_name, set_threads
from locutor.engines.registry import default_registry
from locutor.errors import OptionError
from locutor.text.lexicon import Lexicon


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """An engine on its device. n_bytes: of its weights."""

    engine: Engine
    checkpoint: Checkpoint
    device: str
    n_bytes: int
    lexicon: Lexicon | None = None


LoadModel: TypeAlias = Callable[[str], LoadedModel]
NameDevice: TypeAlias = Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class ModelLoader:
    """A LoadModel that can be sent to another process. device, threads: as in the settings."""

    data_dir: Path
    hub_url: str
    offline: bool
    device: str = "auto"
    threads: int | None = None
    lexicon: Path | None = None

    def __call__(self, model: str) -> LoadedModel:
        """Raises NotFoundError for a model that is unknown or not pulled, OptionError for an unknown or absent device,
        CheckpointError for damaged weights."""
        set_threads(self.threads)
        device = choose_device(self.device).name
        checkpoint = CheckpointStore(self.data_dir, self.hub_url, self.offline).locate(model)
        engine = default_registry().load(checkpoint, device)
        lexicon = Lexicon.load(self.lexicon) if self.lexicon else None
        return LoadedModel(
            engine=engine, checkpoint=checkpoint, device=device, n_bytes=weight_bytes(engine), lexicon=lexicon
        )

    def device_name(self) -> str:
        """Where models will be; takes seconds in a process that has not imported torch. As it was asked for where there
        is no such device: loading a model says so."""
        try:
            return chosen_name(self.device)
        except OptionError:
            return self.device


def weight_bytes(engine: Engine) -> int:
    """Bytes of the parameters and buffers of the torch modules that an engine holds in its fields; 0 without any."""
    from torch import nn

    tensors = {
        tensor.data_ptr(): tensor.numel() * tensor.element_size()
        for module in _modules(engine, nn.Module, depth=3)
        for tensor in (*module.parameters(), *module.buffers())
    }
    return sum(tensors.values())


def _modules(thing: Any, kind: type, depth: int) -> Iterator[Any]:
    for value in vars(thing).values() if hasattr(thing, "__dict__") and depth else ():
        if isinstance(value, kind):
            yield value
        else:
            yield from _modules(value, kind, depth - 1)
