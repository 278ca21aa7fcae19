"""The built-in weights on disk: matrices as 8-bit integers with one scale per output row, the rest as they are.

A quarter of float32, and close to it: the rounding error is below 0.4 % of a row's largest weight, or below 4e-6 where
that is more (float16 scales lose precision under 1e-4).
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from locutor.errors import CheckpointError

SCALE = ".scale"  # suffix of the scales beside an 8-bit tensor
LEVELS = 127
MIN_QUANTISED = 4096  # elements; smaller tensors are not worth rounding


def quantise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Matrices and convolutions to int8 with float16 scales (rows, 1, ...); other tensors to float16."""
    packed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.dim() < 2 or tensor.numel() < MIN_QUANTISED:
            packed[name] = tensor.half()
            continue
        scale = tensor.float().abs().amax(dim=tuple(range(1, tensor.dim())), keepdim=True) / LEVELS
        scale = scale.clamp(min=1e-7).half()
        packed[name] = (tensor.float() / scale.float()).round().clamp(-LEVELS, LEVELS).to(torch.int8)
        packed[name + SCALE] = scale
    return packed


def dequantise(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The float32 tensors that quantise() rounded. Raises CheckpointError for 8-bit tensors without scales."""
    unscaled = [k for k, v in packed.items() if v.dtype == torch.int8 and k + SCALE not in packed]
    if unscaled:
        raise CheckpointError(f"8-bit weights without their scales: {', '.join(sorted(unscaled)[:5])}")
    return {
        name: tensor.float() * packed[name + SCALE].float() if name + SCALE in packed else tensor.float()
        for name, tensor in packed.items()
        if not name.endswith(SCALE)
    }


def read(path: Path) -> dict[str, Tensor]:
    """Float32 tensors of a file. Raises CheckpointError when it is damaged or not there."""
    try:
        return dequantise(load_file(path))
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"the built-in weights {path.name} cannot be read: {error}; reinstall locutor") from error


def write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Quantise and save."""
    save_file({k: v.contiguous() for k, v in quantise(tensors).items()}, path, metadata)
