"""Adapters: a network starts as it was, merges and unmerges, shares its base, and keeps peft's form on disk."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from locutor.engines.conv1d import Conv1D
from locutor.engines.lora import (
    Adapter,
    LoraConfig,
    LoraLinear,
    adapt,
    adapted,
    adapter_of,
    adapter_tensors,
    merged_state,
    read_adapter,
    write_adapter,
)
from locutor.errors import CheckpointError, OptionError

CONFIG = LoraConfig(rank=2, alpha=6.0, dropout=0.0, targets=("to_q", r"ff\.\d"))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q, self.to_k = nn.Linear(6, 6), nn.Linear(6, 6)
        self.ff = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 6))

    def forward(self, x: Tensor) -> Tensor:
        return self.ff(self.to_q(x) + self.to_k(x))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(Block(), Block())


def shaken(net: nn.Module) -> nn.Module:
    """Adapters as if they had learned something."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, LoraLinear):
            with torch.no_grad():
                module.lora_B.weight.copy_(torch.randn(module.lora_B.weight.shape, generator=generator))
    return net


def trained_adapter() -> tuple[nn.Module, Adapter]:
    net = network()
    adapt(net, CONFIG)
    shaken(net)
    return net.eval(), Adapter(CONFIG, {k: v.clone() for k, v in adapter_tensors(net).items()}, "base")


X = torch.linspace(-1, 1, 18).view(3, 6)


def test_a_fresh_adapter_changes_nothing_and_only_it_is_trained() -> None:
    net = network()
    before = net(X)
    names = adapt(net, CONFIG)
    assert names == ("0.ff.0", "0.ff.2", "0.to_q", "1.ff.0", "1.ff.2", "1.to_q")
    assert torch.equal(net(X), before)
    trained = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    assert trained == set(adapter_tensors(net)) and len(trained) == 2 * len(names)


def test_merging_is_the_same_sound_and_can_be_undone() -> None:
    net, _ = trained_adapter()
    layers = [module for module in net.modules() if isinstance(module, LoraLinear)]
    weights = [layer.base.weight.clone() for layer in layers]
    with_adapter = net(X)
    for layer in layers:
        layer.merge()
        layer.merge()
    assert not torch.allclose(layers[0].base.weight, weights[0])
    assert torch.allclose(net(X), with_adapter, atol=1e-5)
    for layer in layers:
        layer.unmerge()
        layer.unmerge()
    assert all(torch.allclose(layer.base.weight, w, atol=1e-6) for layer, w in zip(layers, weights, strict=True))
    assert torch.allclose(net(X), with_adapter, atol=1e-5)


def test_many_adapters_stand_on_one_base() -> None:
    net, adapter = trained_adapter()
    base = network()
    silent = Adapter(CONFIG, {k: torch.zeros_like(v) for k, v in adapter.tensors.items()}, "base")
    state = torch.random.get_rng_state()
    first, second = adapted(base, adapter), adapted(base, silent)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first(X), net(X))
    assert torch.equal(second(X), base(X))
    assert not any(isinstance(module, LoraLinear) for module in base.modules())
    assert (
        first[0].to_q.base.weight.data_ptr() == base[0].to_q.weight.data_ptr() == second[0].to_q.base.weight.data_ptr()
    )


def test_merged_weights_are_those_of_a_plain_network() -> None:
    net, adapter = trained_adapter()
    plain = network()
    plain.load_state_dict(merged_state(plain.state_dict(), adapter))
    assert torch.allclose(plain(X), net(X), atol=1e-5)


def test_files_have_the_form_of_peft(tmp_path: Path) -> None:
    _, adapter = trained_adapter()
    write_adapter(tmp_path, adapter)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert tensors["base_model.model.0.to_q.lora_A.weight"].shape == (2, 6)
    assert tensors["base_model.model.1.ff.0.lora_B.weight"].shape == (8, 2)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"], config["bias"]) == ("LORA", 2, 6.0, "none")
    assert config["target_modules"] == ["0.ff.0", "0.ff.2", "0.to_q", "1.ff.0", "1.ff.2", "1.to_q"]
    found = read_adapter(tmp_path / "adapter_model.safetensors", tmp_path / "adapter_config.json")
    assert found.base == "base" and found.config.scale == 3.0
    assert all(torch.equal(found.tensors[k], v) for k, v in adapter.tensors.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "LORA"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"r": None}, "rank|int"),
    ],
)
def test_other_kinds_of_adapters_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    write_adapter(tmp_path, trained_adapter()[1])
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=message):
        read_adapter(tmp_path / "adapter_model.safetensors", path)


def test_an_adapter_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    _, adapter = trained_adapter()
    with pytest.raises(CheckpointError, match="no linear layer of base"):
        adapted(network(), Adapter(CONFIG, {"2.to_q.lora_A.weight": X}, "base"))
    lacking = {k: v for k, v in adapter.tensors.items() if k != "0.to_q.lora_B.weight"}
    with pytest.raises(CheckpointError, match="lacks 0.to_q.lora_B.weight"):
        adapted(network(), Adapter(CONFIG, lacking, "base"))
    wide = dict(adapter.tensors) | {"0.to_q.lora_A.weight": torch.zeros(2, 7)}
    with pytest.raises(CheckpointError, match=r"\(2, 7\), not \(2, 6\)"):
        adapted(network(), Adapter(CONFIG, wide, "base"))
    with pytest.raises(CheckpointError, match="0.to_q does not fit"):
        merged_state(network().state_dict(), Adapter(CONFIG, wide, "base"))
    broken = {"base_model.model.0.to_q.lora_A.weight": torch.full((2, 6), float("nan"))}
    write_adapter(tmp_path, adapter)
    save_file(broken, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match="no adapter"):
        read_adapter(tmp_path / "adapter_model.safetensors", tmp_path / "adapter_config.json")


def test_targets_must_name_linear_layers() -> None:
    with pytest.raises(OptionError, match="ends in to_v"):
        adapt(network(), LoraConfig(targets=("to_q", "to_v")))
    with pytest.raises(OptionError, match="needs targets"):
        adapt(network(), LoraConfig())
    with pytest.raises(OptionError, match="rank"):
        LoraConfig(rank=0)
    with pytest.raises(OptionError, match="dropout"):
        LoraConfig(dropout=1.0)


def turned() -> nn.Sequential:
    """A network whose weights are stored (in, out)."""
    torch.manual_seed(0)
    return nn.Sequential(Conv1D(6, 8), nn.Tanh(), Conv1D(8, 6), nn.Linear(6, 6))


def test_layers_stored_the_other_way_round(tmp_path: Path) -> None:
    """peft calls them fan_in_fan_out; its tensors are alike, and only what is added to the weight is transposed."""
    config = LoraConfig(rank=2, alpha=6.0, dropout=0.0, targets=("0", "2"))
    net = turned()
    before = net(X)
    assert adapt(net, config) == ("0", "2")
    assert torch.equal(net(X), before)
    shaken(net)
    adapter = adapter_of(net, config, "base")
    assert {k: tuple(v.shape) for k, v in adapter.tensors.items() if k.startswith("0")} == {
        "0.lora_A.weight": (2, 6), "0.lora_B.weight": (8, 2),
    }  # fmt: skip
    write_adapter(tmp_path, adapter)
    found = read_adapter(tmp_path / "adapter_model.safetensors", tmp_path / "adapter_config.json")
    assert found.config.fan_in_fan_out
    assert torch.equal(adapted(turned(), found)(X), net(X))
    plain = turned()
    plain.load_state_dict(merged_state(plain.state_dict(), found, fan_in_fan_out=True))
    assert torch.allclose(plain(X), net(X), atol=1e-5)
    with_adapter = net(X)
    net[0].merge()
    assert torch.allclose(net(X), with_adapter, atol=1e-5)
    with pytest.raises(CheckpointError, match="fan_in_fan_out True, but the weights of base need False"):
        merged_state(plain.state_dict(), found)
    with pytest.raises(CheckpointError, match="no linear layer of base"):
        adapted(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 6)), found)
