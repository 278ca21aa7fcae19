"""Reading XTTS-v2 checkpoints of coqui-tts: names of several ages, extra tensors of training, folded weight norm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from locutor.engines.lora import Adapter, merged_state
from locutor.engines.weights import load_strict
from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.legacy import read_legacy
from locutor.engines.xtts.network import Xtts
from locutor.errors import CheckpointError

TRAINER_PREFIX = "xtts."
EXTRA_PREFIXES = ("dvae.", "torch_mel_spectrogram_style_encoder.", "torch_mel_spectrogram_dvae.")
# Of other versions: a second name for the same weights, and masks that transformers once stored.
SURPLUS = re.compile(r"gpt\.gpt_inference\..*|gpt\.gpt\.wte\.weight|gpt\.gpt\.h\.\d+\.attn\.(bias|masked_bias)")
# Filters and windows that torchaudio stores; they follow from the method.
CONSTANTS = re.compile(r"hifigan_decoder\.speaker_encoder\.torch_spec\..*")
LINEAR = re.compile(r"gpt\.gpt\.h\.\d+\.(attn|mlp)\.c_(attn|proj|fc)\.weight")
NORMED = re.compile(r"(.*)\.(?:parametrizations\.weight\.original([01])|weight_([gv]))")


@dataclass(frozen=True)
class Checkpoint:
    """Tensors of an XTTS network by upstream's names, weight norm still apart."""

    tensors: Mapping[str, Tensor]
    source: str


def read_checkpoint(path: Path) -> Checkpoint:
    """Read model.pth, best_model.pth of upstream's trainer, or a converted .safetensors; the file is never changed.

    Raises NotFoundError, CheckpointError; nothing in the file is run.
    """
    content = read_legacy(path)
    model = content.get("model", content)
    if not isinstance(model, Mapping):
        raise CheckpointError(f"{path} holds a {type(model).__name__} as model instead of named tensors")
    tensors = {name.removeprefix(TRAINER_PREFIX): value for name, value in model.items()}
    kept = {k: v for k, v in tensors.items() if not k.startswith(EXTRA_PREFIXES) and not SURPLUS.fullmatch(k)}
    odd = [k for k, v in kept.items() if not isinstance(v, Tensor)]
    if odd or not any(k.startswith("gpt.") for k in kept):
        what = f"entries that are no tensors: {', '.join(odd[:8])}" if odd else "no tensors of a GPT"
        raise CheckpointError(f"{path} is not an XTTS checkpoint: it holds {what}")
    return Checkpoint(kept, str(path))


def with_adapter(checkpoint: Checkpoint, adapter: Adapter) -> Checkpoint:
    """The checkpoint with a low-rank change in its language model's weights, which lie (in, out).

    Raises CheckpointError when the adapter does not fit.
    """
    linear = {k.removeprefix("gpt."): v for k, v in checkpoint.tensors.items() if LINEAR.fullmatch(k)}
    merged = {f"gpt.{k}": v for k, v in merged_state(linear, adapter, fan_in_fan_out=True).items()}
    return Checkpoint(dict(checkpoint.tensors) | merged, f"{checkpoint.source} with an adapter")


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weight norm's direction and length made one weight, g * v / |v| with the norm over all but the first axis."""
    parts: dict[str, dict[str, Tensor]] = {}
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        match = NORMED.fullmatch(name)
        if match is None:
            plain[name] = tensor
        else:
            part = match[3] or ("g", "v")[int(match[2])]
            parts.setdefault(match[1], {})[part] = tensor
    for name, pair in parts.items():
        if pair.keys() != {"g", "v"}:
            raise CheckpointError(f"weight norm of {name} lacks one of its two tensors")
        plain[f"{name}.weight"] = torch._weight_norm(pair["v"].float(), pair["g"].float(), 0)
    return plain


def find_sizes(checkpoint: Checkpoint, config: XttsConfig) -> XttsConfig:
    """The config with the number of text tokens that the checkpoint has, which config.json leaves out."""
    rows = checkpoint.tensors.get("gpt.text_embedding.weight")
    if rows is None:
        raise CheckpointError(f"{checkpoint.source} is not an XTTS-v2 checkpoint: it lacks gpt.text_embedding.weight")
    return config.model_copy(update={"number_text_tokens": rows.shape[0]})


def build_network(checkpoint: Checkpoint, config: XttsConfig) -> Xtts:
    """The network of a checkpoint in float32 on the CPU, ready to use.

    Raises CheckpointError when a tensor is missing, extra or of another shape.
    """
    with torch.device("meta"):  # the weights come from the file; drawing random ones first takes seconds
        network = Xtts(find_sizes(checkpoint, config))
    network = network.to_empty(device="cpu")
    tensors = {k: v for k, v in folded(checkpoint.tensors).items() if not CONSTANTS.fullmatch(k)}
    tensors = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    load_strict(network, tensors, checkpoint.source)
    return network.eval().requires_grad_(False)
