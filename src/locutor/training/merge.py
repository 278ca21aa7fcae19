"""An adapter and its base as one whole model, for those who cannot load adapters, or want them faster."""

from collections.abc import Callable, Mapping
from pathlib import Path

from locutor.engines.checkpoints import Checkpoint
from locutor.engines.lora import Adapter, merged_state, read_adapter
from locutor.errors import OptionError


def write_merged(folder: Path, checkpoint: Checkpoint) -> Mapping[str, str]:
    """Write the base's files with the adapter's change in them; returns role -> file name.

    Raises OptionError for a checkpoint without an adapter, CheckpointError when the adapter does not fit.
    """
    files, engine = checkpoint.files, checkpoint.card.engine
    if "adapter" not in files:
        raise OptionError(f"{checkpoint.card.id} has no adapter that could be merged")
    if engine not in MERGERS:
        raise OptionError(f"adapters of engine {engine!r} cannot be merged; those of {', '.join(MERGERS)} can")
    return MERGERS[engine](folder, checkpoint, read_adapter(files["adapter"], files["adapter_config"]))


def _builtin(folder: Path, checkpoint: Checkpoint, adapter: Adapter) -> Mapping[str, str]:
    from locutor.engines.builtin.engine import WEIGHTS, read_networks
    from locutor.training.builtin.finetune import write_acoustic

    base = checkpoint.files.get("model", WEIGHTS)
    return write_acoustic(folder, base, merged_state(read_networks(base).acoustic.state_dict(), adapter))


def _f5(folder: Path, checkpoint: Checkpoint, adapter: Adapter) -> Mapping[str, str]:
    from locutor.engines.f5.checkpoint import read_checkpoint
    from locutor.training.f5_finetune import write_network

    base = read_checkpoint(checkpoint.files["model"], checkpoint.card.config)
    state = {name: tensor.float() for name, tensor in base.tensors.items()}
    return write_network(folder, base.config, checkpoint.files["vocab"], merged_state(state, adapter))


def _xtts(folder: Path, checkpoint: Checkpoint, adapter: Adapter) -> Mapping[str, str]:
    from locutor.engines.xtts.checkpoint import read_checkpoint, with_adapter
    from locutor.training.xtts_finetune import write_model

    merged = with_adapter(read_checkpoint(checkpoint.files["model"]), adapter)
    return write_model(folder, merged, checkpoint.files)


MERGERS: dict[str, Callable[[Path, Checkpoint, Adapter], Mapping[str, str]]] = {
    "builtin": _builtin,
    "f5": _f5,
    "xtts": _xtts,
}
