import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from locutor.engines.builtin import weights
from locutor.engines.builtin.engine import CONFIGS, WEIGHTS, Networks, read_networks
from locutor.errors import CheckpointError

ZEROS = torch.zeros(3)
ROWS = npst.arrays(
    np.float32, (3, 4, 7), elements=st.floats(-1, 1, width=32), fill=st.floats(-1, 1, width=32)
)  # tiled to the size from which tensors are rounded


@given(rows=ROWS, power=st.integers(-6, 4))
def test_rounding_error_is_bounded_per_row(rows: np.ndarray, power: int) -> None:
    tensor = torch.from_numpy(rows).repeat(1, 1, 150) * 10.0**power
    packed = weights.quantise({"w": tensor})
    assert packed["w"].dtype == torch.int8 and packed["w" + weights.SCALE].shape == (3, 1, 1)
    largest = tensor.abs().amax(dim=(1, 2), keepdim=True)
    error = (weights.dequantise(packed)["w"] - tensor).abs()
    assert bool((error <= (0.004 * largest).clamp(min=4e-6)).all())


def test_a_row_of_zeros_stays_zero() -> None:
    assert not weights.dequantise(weights.quantise({"w": torch.zeros(64, 64)}))["w"].any()


def test_small_tensors_and_vectors_are_not_rounded() -> None:
    tensors = {"bias": torch.randn(9000), "small": torch.randn(60, 60), "scalar": torch.tensor(3.0)}
    packed = weights.quantise(tensors)
    assert all(t.dtype == torch.float16 for t in packed.values()) and packed.keys() == tensors.keys()
    for name, tensor in weights.dequantise(packed).items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, tensors[name].half().float())


def test_write_and_read(tmp_path: Path) -> None:
    tensors = {"w": torch.randn(100, 50).T, "b": torch.randn(5)}
    weights.write(tmp_path / "w.safetensors", tensors, {"config": "{}"})
    read = weights.read(tmp_path / "w.safetensors")
    assert read["w"].shape == (50, 100) and (read["w"] - tensors["w"]).abs().max() < 0.02
    assert (tmp_path / "w.safetensors").stat().st_size < 5000 + 50 * 2 + 1000


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent\.safetensors cannot be read: .*reinstall"):
        read_networks(tmp_path / "absent.safetensors")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like the packaged one, of small networks."""
    sizes: dict[str, dict[str, int]] = {
        "acoustic": {"n_tokens": 9, "n_mels": 8, "dim": 64, "depth": 1, "text_dim": 16, "text_layers": 1},
        "duration": {"n_tokens": 9, "n_mels": 8, "dim": 32, "n_layers": 1},
        "g2p": {"n_letters": 9, "n_tokens": 9, "dim": 64, "depth": 1},
        "vocoder": {"n_mels": 8, "dim": 16, "intermediate_dim": 32, "n_layers": 1},
    }
    tensors: dict[str, Tensor] = {}
    for name, (config, network) in CONFIGS.items():
        part = network(config(**sizes[name]))
        tensors |= {f"{name}.{key}": tensor for key, tensor in part.state_dict().items()}
    path = tmp_path_factory.mktemp("packed") / "weights.safetensors"
    weights.write(path, tensors, {"config": json.dumps(sizes)})
    return path


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\xff" * 64 + b[64:]])
def test_a_damaged_file(tmp_path: Path, packed: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(damage(packed.read_bytes()))
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_networks(path)


Edit = Callable[[dict[str, Tensor], dict[str, Any]], object]
"""Changes the tensors of a file, or its metadata, in which the sizes are taken apart."""

WRONG: dict[str, tuple[Edit, str]] = {
    "a tensor is missing": (lambda t, m: t.pop("g2p.norm.weight"), r"does not fit the g2p network: .*norm\.weight"),
    "scales are missing": (
        lambda t, m: t.pop("g2p.blocks.0.to_qkv.weight.scale"),
        r"without their scales: g2p\.blocks\.0\.to_qkv\.weight",
    ),
    "a tensor too many": (lambda t, m: t.update({"vocoder.z": ZEROS}), r"does not fit the vocoder network: .*\"z\""),
    "a tensor of no network": (lambda t, m: t.update({"x.weight": ZEROS}), r"tensors of no network: x\.weight"),
    "another shape": (
        lambda t, m: t.update({"duration.norm.weight": ZEROS}),
        r"does not fit the duration network: .*norm\.weight",
    ),
    "a network is missing": (lambda t, m: m["config"].pop("g2p"), r"sizes of \['acoustic', 'duration', 'vocoder'\]"),
    "an unknown size": (lambda t, m: m["config"]["g2p"].update(wings=2), r"does not fit the g2p network: .*wings"),
    "other sizes": (lambda t, m: m["config"]["acoustic"].update(depth=2), r"does not fit the acoustic network"),
    "sizes that are no table": (lambda t, m: m.update(config=[]), r"sizes of \[\]"),
    "no sizes": (lambda t, m: m.pop("config"), r"sizes of \[\]"),
}


def change(packed: Path, path: Path, edit: Edit) -> Path:
    """A copy with an edit."""
    tensors = load_file(packed)
    with safe_open(packed, "pt") as file:
        metadata: dict[str, Any] = dict(file.metadata())
    metadata["config"] = json.loads(metadata["config"])
    edit(tensors, metadata)
    save_file(tensors, path, {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()})
    return path


def test_sizes_that_are_no_json(tmp_path: Path, packed: Path) -> None:
    with pytest.raises(CheckpointError, match="no sizes that can be read"):
        read_networks(change(packed, tmp_path / "weights.safetensors", lambda t, m: m.update(config="{")))


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_does_not_fit(tmp_path: Path, packed: Path, name: str) -> None:
    edit, message = WRONG[name]
    with pytest.raises(CheckpointError, match=r"(?s)" + message):
        read_networks(change(packed, tmp_path / "weights.safetensors", edit))


def test_save_and_load_give_the_same(tmp_path: Path, packed: Path) -> None:
    first, again = (
        read_networks(packed),
        read_networks(change(packed, tmp_path / "copy.safetensors", lambda t, m: None)),
    )
    for name, part in first.parts().items():
        for key, tensor in part.state_dict().items():
            assert torch.equal(tensor, again.parts()[name].state_dict()[key]), (name, key)
    assert not any(p.requires_grad or part.training for part in first.parts().values() for p in part.parameters())


def test_the_packaged_file_is_eight_bit_and_whole(networks: Networks) -> None:
    n_parameters = sum(p.numel() for part in networks.parts().values() for p in part.parameters())
    assert n_parameters < WEIGHTS.stat().st_size < 1.05 * n_parameters
