"""Reading F5-TTS checkpoint files into networks, and writing them so that upstream reads them too."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from locutor.engines.f5.config import ConfigChoice, F5Config, find_config
from locutor.engines.f5.dit import DiT
from locutor.engines.f5.modules import rope_frequencies
from locutor.engines.f5.tokens import Vocabulary
from locutor.engines.weights import load_strict, read_weights
from locutor.errors import CheckpointError

EMA_PREFIX = "ema_model."
PREFIXES = (EMA_PREFIX, "ema.", "module.", "_orig_mod.")
NETWORK_PREFIX = "transformer."
BESIDE = ("mel_spec.", "vocoder.")  # filters and window, which old files carry; a vocoder, which some fine-tunes do
COUNTERS = ("initted", "step", "update")


@dataclass(frozen=True)
class Checkpoint:
    """Tensors of an F5 network by the names of DiT, with the config they need."""

    config: F5Config
    tensors: Mapping[str, Tensor]
    source: str


def read_checkpoint(path: Path, config: ConfigChoice | None = None, use_ema: bool = True) -> Checkpoint:
    """Read a .safetensors or .pt file of upstream or of this package.

    config: see find_config. use_ema: which of the two networks of a full training file; a file that holds one network
    gives that one. Raises NotFoundError, CheckpointError.
    """
    content = read_weights(path)
    found = find_config(path, config)
    tensors = {strip_prefixes(name): value for name, value in _network_part(content, path, use_ema).items()}
    kept = {k: v for k, v in tensors.items() if k not in COUNTERS and not k.startswith(BESIDE)}
    odd = [k for k, v in kept.items() if not k.startswith(NETWORK_PREFIX) or not isinstance(v, Tensor)]
    if odd or not kept:
        what = f"unexpected entries {', '.join(odd[:8])}" if odd else "no tensors"
        raise CheckpointError(f"{path} is not an F5-TTS checkpoint: it holds {what}")
    return Checkpoint(found, {k.removeprefix(NETWORK_PREFIX): v for k, v in kept.items()}, str(path))


def build_network(checkpoint: Checkpoint, vocabulary: Vocabulary) -> DiT:
    """The network of a checkpoint in float32 on the CPU, ready to use.

    Raises CheckpointError when a tensor is missing, extra or of another shape, or the vocabulary does not fit.
    """
    rows = checkpoint.tensors.get("text_embed.text_embed.weight")
    if rows is not None and rows.shape[0] != len(vocabulary) + 1:
        raise CheckpointError(
            f"{checkpoint.source} was trained with a vocabulary of {rows.shape[0] - 1} tokens, "
            f"but the vocabulary file has {len(vocabulary)}"
        )
    with torch.device("meta"):  # the weights come from the file; drawing random ones first takes seconds
        network = DiT(checkpoint.config, len(vocabulary))
    network = network.to_empty(device="cpu")
    load_strict(network, {k: v.float() for k, v in checkpoint.tensors.items()}, checkpoint.source)
    if not torch.allclose(network.state_dict()["rotary_embed.inv_freq"], rope_frequencies(), rtol=1e-2):
        raise CheckpointError(f"{checkpoint.source} uses other rotary frequencies than F5-TTS")
    return network.eval().requires_grad_(False)


def save_checkpoint(network: DiT, path: Path) -> None:
    """Write a safetensors file with upstream's EMA names. The config goes beside it by its own means."""
    prefix = EMA_PREFIX + NETWORK_PREFIX
    save_file({prefix + k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}, path)


def strip_prefixes(name: str) -> str:
    """Name without the prefixes that averaging, compiling and data-parallel wrappers put before it."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return strip_prefixes(name.removeprefix(prefix))
    return name


def _network_part(content: Mapping[str, Any], path: Path, use_ema: bool) -> Mapping[str, Any]:
    nested = ("ema_model_state_dict", "model_state_dict")
    for name in nested if use_ema else reversed(nested):
        if name in content:
            if not isinstance(content[name], Mapping):
                raise CheckpointError(f"{path} holds a {type(content[name]).__name__} as {name}")
            return content[name]
    return content
