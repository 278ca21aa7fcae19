"""XTTS-v2 weights from one kind of file into another; the source is never changed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from locutor.engines.download import disk_refused
from locutor.engines.xtts.checkpoint import build_network, read_checkpoint
from locutor.engines.xtts.config import read_config
from locutor.errors import CheckpointError, OptionError


def to_safetensors(source: Path, config_file: Path, target: Path) -> None:
    """Write what a checkpoint needs to speak, by upstream's names, as one .safetensors file, whole or not at all.

    The network is built once, so that a file that could not speak is refused. Raises CheckpointError, StorageError.
    """
    if target.suffix != ".safetensors":
        raise OptionError(f"the converted file must end in .safetensors, not {target.name!r}")
    checkpoint = read_checkpoint(source)
    build_network(checkpoint, read_config(config_file))
    write_tensors(checkpoint.tensors, target)


def write_tensors(tensors: Mapping[str, Tensor], target: Path) -> None:
    """Raises StorageError."""
    beside = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}, beside, {"format": "pt"})
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise disk_refused(target, error) from error


def to_upstream(source: Path, config_file: Path, target: Path) -> None:
    """Write a model.pth that coqui-tts loads, from any checkpoint. Raises CheckpointError, StorageError."""
    if target.suffix != ".pth":
        raise OptionError(f"coqui-tts reads files that end in .pth, not {target.name!r}")
    checkpoint = read_checkpoint(source)
    config: dict[str, Any] = json.loads(config_file.read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise CheckpointError(f"{config_file} holds a {type(config).__name__} instead of a config")
    beside = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"model": dict(checkpoint.tensors), "config": config}, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise disk_refused(target, error) from error
