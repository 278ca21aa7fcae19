"""Low-rank adapters (LoRA, arXiv 2106.09685): a small change to some linear layers of a network, kept apart from it.

Files are peft's: adapter_model.safetensors with `base_model.model.<layer>.lora_A.weight`, and adapter_config.json.
Shapes: i inputs, o outputs, r rank.
"""

import copy
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from locutor.engines.conv1d import Conv1D
from locutor.engines.weights import read_weights
from locutor.errors import CheckpointError, OptionError

WEIGHTS_NAME, CONFIG_NAME = "adapter_model.safetensors", "adapter_config.json"
PREFIX = "base_model.model."
_DOWN, _UP = "lora_A.weight", "lora_B.weight"


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """rank: of each change; alpha / rank scales it; dropout: of its input while training. targets: regular
    expressions; a linear layer is adapted when its name ends in a match of one. fan_in_fan_out: peft's word for weights
    that are stored (i, o), those of Conv1D."""

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.1
    targets: tuple[str, ...] = ()
    fan_in_fan_out: bool = False

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise OptionError(f"the rank of an adapter must be at least 1, not {self.rank}")
        if not 0 <= self.dropout < 1:
            raise OptionError(f"the dropout of an adapter must be from 0 to below 1, not {self.dropout:g}")

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


class LoraLinear(nn.Module):
    """A linear layer that stays as it is, plus a change of rank r: y = W x + b + scale * B A x."""

    def __init__(self, base: nn.Linear | Conv1D, config: LoraConfig) -> None:
        super().__init__()
        self.base, self.scale, self.dropout = base, config.scale, config.dropout
        like = {"device": base.weight.device, "dtype": torch.float32}
        self.lora_A = nn.Linear(base.in_features, config.rank, bias=False, **like)
        self.lora_B = nn.Linear(config.rank, base.out_features, bias=False, **like)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)  # so the network starts as it was
        self.is_merged = False

    def forward(self, x: Tensor) -> Tensor:
        y = self.base(x)
        if self.is_merged:
            return y
        heard = F.dropout(x, self.dropout, self.training) if self.dropout else x
        return y + self.scale * self.lora_B(self.lora_A(heard.to(self.lora_A.weight.dtype))).to(y.dtype)

    def change(self) -> Tensor:
        """What the adapter adds to the weight, (o, i), or (i, o) where the weight is stored so."""
        change = self.scale * (self.lora_B.weight @ self.lora_A.weight)
        return change.T if isinstance(self.base, Conv1D) else change

    @torch.no_grad()
    def merge(self) -> None:
        """Put the change into the base weight: as fast as without an adapter."""
        if not self.is_merged:
            self.base.weight += self.change().to(self.base.weight.dtype)
            self.is_merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take it out again; the weight is what it was but for rounding."""
        if self.is_merged:
            self.base.weight -= self.change().to(self.base.weight.dtype)
            self.is_merged = False


@dataclass(frozen=True)
class Adapter:
    """tensors: by peft's names without the prefix, `<layer>.lora_A.weight` (r, i) and `<layer>.lora_B.weight` (o, r).

    base: what the config says it belongs to.
    """

    config: LoraConfig
    tensors: Mapping[str, Tensor]
    base: str


def adapt(network: nn.Module, config: LoraConfig) -> tuple[str, ...]:
    """Freeze the network and give the linear layers that the targets name fresh adapters; returns their names.

    Raises OptionError when a target names no linear layer.
    """
    found = {target: _matching(network, target) for target in config.targets}
    if absent := [target for target, names in found.items() if not names]:
        raise OptionError(f"no linear layer of the network ends in {', '.join(absent) or 'a target, as none is named'}")
    names = tuple(sorted({name for matched in found.values() for name in matched}))
    if not names:
        raise OptionError("an adapter needs targets: the linear layers to adapt")
    network.requires_grad_(False)
    for name in names:
        _replace(network, name, config)
    return names


def adapted(network: nn.Module, adapter: Adapter) -> Any:
    """A network of the same class that shares every weight with the given one and has the adapter on top.

    The given network stays as it is, so one base serves many adapters, each at the cost of its own few weights.
    Raises CheckpointError when the adapter does not fit.
    """
    shared = {id(t): t for t in (*network.parameters(), *network.buffers())}
    twin = copy.deepcopy(network, memo=shared)
    layers = sorted({name.rsplit(".lora_", 1)[0] for name in adapter.tensors})
    for name in layers:
        try:
            fits = isinstance(twin.get_submodule(name), Conv1D if adapter.config.fan_in_fan_out else nn.Linear)
        except AttributeError:
            fits = False
        if not fits:
            raise CheckpointError(f"the adapter changes {name}, which is no linear layer of {adapter.base}")
        with torch.random.fork_rng(devices=[]):  # fresh adapters are drawn, and the caller's random state is not ours
            _replace(twin, name, adapter.config)
    _fill(twin, adapter)
    return twin.eval().requires_grad_(False)


def adapter_of(network: nn.Module, config: LoraConfig, base: str, state: Mapping[str, Tensor] | None = None) -> Adapter:
    """The adapter of a network, or of a state of it. base: what the network was before."""
    layers = [module.base for module in network.modules() if isinstance(module, LoraLinear)]
    turned = any(isinstance(layer, Conv1D) for layer in layers)
    return Adapter(replace(config, fan_in_fan_out=turned), adapter_tensors(network, state), base)


def adapter_tensors(network: nn.Module, state: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The adapter's tensors of a network, or of a state of it, by the names of Adapter."""
    state = network.state_dict() if state is None else state
    return {name: tensor for name, tensor in state.items() if name.endswith((_DOWN, _UP))}


def merged_state(base: Mapping[str, Tensor], adapter: Adapter, fan_in_fan_out: bool = False) -> dict[str, Tensor]:
    """Weights of the plain network with the adapter's change added.

    fan_in_fan_out: the weights are stored (i, o). Raises CheckpointError when the adapter does not fit.
    """
    if adapter.config.fan_in_fan_out != fan_in_fan_out:
        raise CheckpointError(
            f"the adapter has fan_in_fan_out {adapter.config.fan_in_fan_out}, but the weights of {adapter.base} need "
            f"{fan_in_fan_out}: it belongs to another kind of network"
        )
    merged = dict(base)
    for name in (n for n in adapter.tensors if n.endswith(_DOWN)):
        layer = name.removesuffix("." + _DOWN)
        weight, up = merged.get(f"{layer}.weight"), adapter.tensors.get(f"{layer}.{_UP}")
        shape = None if up is None else (up.shape[0], adapter.tensors[name].shape[1])
        if weight is None or up is None or (shape[::-1] if fan_in_fan_out and shape else shape) != weight.shape:
            raise CheckpointError(f"the adapter's {layer} does not fit {adapter.base}")
        change = adapter.config.scale * (up.float() @ adapter.tensors[name].float())
        change = change.T if fan_in_fan_out else change
        merged[f"{layer}.weight"] = (weight.float() + change).to(weight.dtype)
    return merged


def write_adapter(folder: Path, adapter: Adapter) -> None:
    """Both files, in peft's form, into an existing folder."""
    named = {PREFIX + name: t.detach().cpu().contiguous() for name, t in adapter.tensors.items()}
    save_file(named, folder / WEIGHTS_NAME, {"format": "pt"})
    config = adapter.config
    facts = {
        "peft_type": "LORA",
        "base_model_name_or_path": adapter.base,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": sorted({name.rsplit(".lora_", 1)[0] for name in adapter.tensors}),
        "bias": "none",
        "fan_in_fan_out": config.fan_in_fan_out,
        "inference_mode": True,
        "task_type": None,
    }
    (folder / CONFIG_NAME).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_adapter(weights: Path, config: Path) -> Adapter:
    """An adapter of this package or of peft. Raises NotFoundError, CheckpointError for what is no plain LoRA."""
    try:
        facts: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        lora = LoraConfig(
            rank=facts["r"],
            alpha=facts["lora_alpha"],
            dropout=facts.get("lora_dropout", 0.0),
            fan_in_fan_out=bool(facts.get("fan_in_fan_out", False)),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{config} is not a readable adapter config: {error!r}") from error
    odd = [key for key in ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern") if facts.get(key)]
    if facts.get("peft_type") != "LORA" or facts.get("bias", "none") != "none" or odd:
        raise CheckpointError(f"{config} is not a plain LoRA adapter: {', '.join(odd) or facts.get('peft_type')}")
    tensors = {name.removeprefix(PREFIX): tensor for name, tensor in read_weights(weights).items()}
    if strangers := [n for n, t in tensors.items() if not n.endswith((_DOWN, _UP)) or not torch.isfinite(t).all()]:
        raise CheckpointError(f"{weights} holds what is no adapter: {', '.join(strangers[:8])}")
    return Adapter(lora, tensors, str(facts.get("base_model_name_or_path", "its base")))


def _matching(network: nn.Module, target: str) -> list[str]:
    pattern = re.compile(rf"(^|.*\.){target}$" if not target.startswith("^") else target)
    return [n for n, module in network.named_modules() if isinstance(module, nn.Linear | Conv1D) and pattern.match(n)]


def _replace(network: nn.Module, name: str, config: LoraConfig) -> None:
    parent, _, child = name.rpartition(".")
    owner = network.get_submodule(parent)
    base = owner.get_submodule(child)
    assert isinstance(base, nn.Linear | Conv1D)
    setattr(owner, child, LoraLinear(base, config))


def _fill(network: nn.Module, adapter: Adapter) -> None:
    parameters = dict(network.named_parameters())
    wanted = set(adapter_tensors(network, parameters))
    if wanted != adapter.tensors.keys():
        raise CheckpointError(f"the adapter lacks {', '.join(sorted(wanted - adapter.tensors.keys())[:8])}")
    for name, tensor in adapter.tensors.items():
        if parameters[name].shape != tensor.shape:
            raise CheckpointError(f"the adapter's {name} is {tuple(tensor.shape)}, not {tuple(parameters[name].shape)}")
        with torch.no_grad():
            parameters[name].copy_(tensor)
