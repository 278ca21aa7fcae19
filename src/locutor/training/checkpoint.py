"""Checkpoints of a run: folders of safetensors and JSON, written whole or not at all.

RUN/step_00001000/  network.safetensors  ema.safetensors  optimizer.safetensors  state.json
RUN/best            names the folder with the lowest held-out loss
"""

import errno
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from locutor.errors import CheckpointError, StorageError
from locutor.training.ema import EMA, trained_tensors

UNFINISHED = ".unfinished_"  # how the folders begin that are still being written


@dataclass
class RunState:
    """Where a run stands. step: optimizer steps done; elapsed_s: seconds of training so far; n_stale: epochs that ended
    without a better held-out loss since the best, -1 in an epoch that has had it already."""

    step: int = 0
    elapsed_s: float = 0.0
    best_held_out: float = float("inf")
    n_stale: int = 0


def save(
    run: Path, network: nn.Module, ema: EMA, optimizer: torch.optim.Optimizer, state: RunState, keep_last: int
) -> Path:
    """Write a checkpoint atomically and prune old ones; returns its folder. StorageError when the disk refuses."""
    target = run / f"step_{state.step:08d}"
    if target.exists():
        return target
    try:
        run.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=run) as building:
            unfinished = Path(building) / target.name
            unfinished.mkdir()
            save_file(_contiguous(trained_tensors(network)), unfinished / "network.safetensors")
            save_file(_contiguous(ema.tensors), unfinished / "ema.safetensors")
            save_file(_optimizer_tensors(network, optimizer), unfinished / "optimizer.safetensors")
            facts = {**vars(state), "ema_updates": ema.n_updates}
            (unfinished / "state.json").write_text(json.dumps(facts))
            os.replace(unfinished, target)
    except (OSError, SafetensorError) as error:  # safetensors wraps what the disk says
        raise _storage_error(target, error) from error
    _prune(run, keep_last)
    return target


def mark_best(run: Path, checkpoint: Path) -> None:
    """Name the checkpoint that pruning must spare."""
    pointer = run / "best.tmp"
    try:
        pointer.write_text(checkpoint.name)
        os.replace(pointer, run / "best")
    except OSError as error:
        raise _storage_error(run / "best", error) from error


def latest(run: Path) -> Path | None:
    """The checkpoint with the most steps, or None."""
    found = sorted(run.glob("step_*/state.json"))
    return found[-1].parent if found else None


def restore(checkpoint: Path, network: nn.Module, ema: EMA, optimizer: torch.optim.Optimizer) -> RunState:
    """Load a checkpoint into a run's parts. Raises CheckpointError when it does not fit the network."""
    try:
        facts: dict[str, Any] = json.loads((checkpoint / "state.json").read_text())
        _restore_network(network, load_file(checkpoint / "network.safetensors"))
        averages = load_file(checkpoint / "ema.safetensors")
        for name, tensor in ema.tensors.items():
            tensor.copy_(averages[name])
        ema.n_updates = facts.pop("ema_updates")
        _restore_optimizer(network, optimizer, load_file(checkpoint / "optimizer.safetensors"))
        return RunState(**facts)
    except (RuntimeError, OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{checkpoint} does not fit this network: {error}") from error


def sweep(folder: Path) -> None:
    """Remove what was left by a process that was killed while it wrote there. StorageError when the disk refuses."""
    for left in folder.glob(f"{UNFINISHED}*"):
        try:
            shutil.rmtree(left)
        except OSError as error:
            raise StorageError(f"cannot remove {left}: {error.strerror}") from error


def _restore_network(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    if wrong := trained_tensors(network).keys() ^ tensors.keys():
        raise KeyError(", ".join(sorted(wrong)[:8]))
    network.load_state_dict(tensors, strict=False)


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.detach().cpu().contiguous() for k, v in tensors.items()}


def _optimizer_tensors(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Optimizer state keyed by parameter name: `exp_avg/blocks.0...`."""
    found = {}
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            found[f"{key}/{name}"] = torch.as_tensor(value)
    return _contiguous(found)


def _restore_optimizer(network: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = dict(network.named_parameters())
    for full_name, value in tensors.items():
        key, name = full_name.split("/", 1)
        parameter = parameters[name]
        # torch keeps AdamW's step count on the CPU unless the optimizer is fused.
        device = parameter.device if key != "step" or optimizer.defaults.get("fused") else torch.device("cpu")
        optimizer.state[parameter][key] = value.to(device)


def _prune(run: Path, keep_last: int) -> None:
    best = run / "best"
    spared = best.read_text() if best.exists() else ""
    for old in sorted(run.glob("step_*"))[:-keep_last]:
        if old.name != spared:
            shutil.rmtree(old)


def _storage_error(target: Path, error: OSError | SafetensorError) -> StorageError:
    is_full = getattr(error, "errno", None) == errno.ENOSPC or f"os error {errno.ENOSPC}" in str(error)
    return StorageError(f"could not write checkpoint {target}: {'the disk is full' if is_full else error}")
