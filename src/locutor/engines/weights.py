"""Reading network weights from files, and putting them into networks, without ever running code from a file."""

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from locutor.errors import CheckpointError, NotFoundError

PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
# What torch's reader stumbles into when the bytes are not what they claim to be.
DAMAGE = (
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
)
MAX_NAMES = 8  # of offending tensors in one message


def read_weights(path: Path) -> dict[str, Any]:
    """Content of a weights file on the CPU: tensors by name, for a pickle also whatever plain data it holds.

    Raises NotFoundError when there is no such file, CheckpointError when it is damaged, of another format, or a
    pickle that names code.
    """
    if not path.is_file():
        raise NotFoundError(f"no weights file at {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in PICKLE_SUFFIXES:
        return _read_pickle(path)
    raise CheckpointError(f"weights must be .safetensors, {' or '.join(PICKLE_SUFFIXES)}, not {path.name!r}")


def load_strict(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a network whose names and shapes must all match.

    source: what the message calls the weights. Raises CheckpointError naming missing, extra and misshapen tensors.
    """
    expected = network.state_dict()
    missing = sorted(expected.keys() - tensors.keys())
    extra = sorted(tensors.keys() - expected.keys())
    shared = expected.keys() & tensors.keys()
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(shared)
        if tensors[name].shape != expected[name].shape
    ]
    problems = {"missing": missing, "not expected": extra, "of the wrong shape": misshapen}
    told = [f"{len(names)} tensors {what} ({_some(names)})" for what, names in problems.items() if names]
    if told:
        raise CheckpointError(f"{source} does not fit this network: {'; '.join(told)}")
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(f"{source} holds NaN or infinite values in {_some(broken)}")
    network.load_state_dict(dict(tensors), strict=True)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MAX_NAMES])
    return shown if len(names) <= MAX_NAMES else f"{shown}, and {len(names) - MAX_NAMES} more"


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error


def _read_pickle(path: Path) -> dict[str, Any]:
    # A full training file is four times the model; mapping it leaves the optimizer's part on the disk.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickles that torch did not write
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        named = re.findall(r"GLOBAL (\S+)", str(error))
        what = f"asks to run code ({', '.join(named)})" if named else "is damaged or asks to run code"
        raise CheckpointError(f"{path} {what} and was not loaded; only plain tensors are accepted") from error
    except DAMAGE as error:
        raise CheckpointError(f"{path} is not a readable PyTorch file: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} instead of named tensors")
    return content
