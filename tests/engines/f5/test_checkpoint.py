"""Checkpoint files in every released form, and files that must not load."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from locutor.engines.f5.checkpoint import Checkpoint, build_network, read_checkpoint, save_checkpoint
from locutor.engines.f5.tokens import Vocabulary
from locutor.errors import CheckpointError, NotFoundError


def plain(kit: ModuleType, seed: int = 0) -> dict[str, Tensor]:
    return {f"transformer.{k}": v.clone() for k, v in kit.tiny_network("v1", seed).state_dict().items()}


def prefixed(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + k: v for k, v in tensors.items()}


def counted(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**tensors, "initted": torch.tensor(True), "step": torch.tensor(1_250_000)}


MEL = {"mel_spec.mel_stft.mel_scale.fb": torch.zeros(513, 100), "mel_spec.mel_stft.spectrogram.window": torch.zeros(4)}

# Each form of one network, as a flat safetensors dict or as what torch.save got.
FLAT: dict[str, Callable[[dict[str, Tensor]], dict[str, Tensor]]] = {
    "ema": lambda t: counted(prefixed(t, "ema_model.")),
    "ema with mel filters": lambda t: counted(prefixed({**t, **MEL}, "ema_model.")),
    "pruned without ema": lambda t: t,
    "fork's ema": lambda t: prefixed(t, "ema."),
    "data parallel": lambda t: prefixed(t, "module."),
    "ema of data parallel": lambda t: prefixed(t, "ema_model.module."),
    "compiled": lambda t: prefixed(t, "ema_model._orig_mod."),
    "with a vocoder": lambda t: {**prefixed(t, "ema_model."), "vocoder._orig_mod.head.out.bias": torch.zeros(2)},
    "with update": lambda t: {**prefixed(t, "ema_model."), "update": torch.tensor(3)},
}


def assert_network(kit: ModuleType, path: Path, seed: int = 0, use_ema: bool = True) -> None:
    checkpoint = read_checkpoint(path, kit.tiny_config("v1"), use_ema=use_ema)
    network = build_network(checkpoint, Vocabulary(kit.TOKENS))
    for name, tensor in kit.tiny_network("v1", seed).state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name


@pytest.mark.parametrize("form", FLAT)
def test_safetensors(kit: ModuleType, tmp_path: Path, form: str) -> None:
    save_file(FLAT[form](plain(kit)), tmp_path / "m.safetensors")
    assert_network(kit, tmp_path / "m.safetensors")


@pytest.mark.parametrize("form", FLAT)
def test_pt(kit: ModuleType, tmp_path: Path, form: str) -> None:
    torch.save({"ema_model_state_dict": FLAT[form](plain(kit))}, tmp_path / "m.pt")
    assert_network(kit, tmp_path / "m.pt")


def training_file(kit: ModuleType, path: Path) -> None:
    network = kit.tiny_network("v1", seed=1).requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters())
    sum(p.sum() for p in network.parameters()).backward()
    optimizer.step()
    content = {
        "model_state_dict": plain(kit, seed=2),
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler_state_dict": torch.optim.lr_scheduler.LinearLR(optimizer).state_dict(),
        "ema_model_state_dict": counted(prefixed(plain(kit, seed=3), "ema_model.")),
        "update": 1000,
    }
    torch.save(content, path)


@pytest.mark.slow
def test_full_training_file(kit: ModuleType, tmp_path: Path) -> None:
    training_file(kit, tmp_path / "m.pt")
    assert_network(kit, tmp_path / "m.pt", seed=3)
    assert_network(kit, tmp_path / "m.pt", seed=2, use_ema=False)


def test_half_precision_is_widened(kit: ModuleType, tmp_path: Path) -> None:
    save_file({k: v.half() for k, v in plain(kit).items()}, tmp_path / "m.safetensors")
    network = build_network(read_checkpoint(tmp_path / "m.safetensors", kit.tiny_config("v1")), Vocabulary(kit.TOKENS))
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_save_and_load(kit: ModuleType, tmp_path: Path) -> None:
    save_checkpoint(kit.tiny_network("v0", seed=5), tmp_path / "m.safetensors")
    assert_network(kit, tmp_path / "m.safetensors", seed=5)


def change(kit: ModuleType, drop: str = "", **changed: Tensor) -> Checkpoint:
    tensors = {k.removeprefix("transformer."): v for k, v in plain(kit).items()}
    tensors.pop(drop, None)
    return Checkpoint(kit.tiny_config("v1"), {**tensors, **changed}, "m.safetensors")


def test_misfits_are_named(kit: ModuleType) -> None:
    bad = change(kit, drop="proj_out.weight", **{"proj_out.bias": torch.zeros(80), "extra.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError) as caught:
        build_network(bad, Vocabulary(kit.TOKENS))
    message = str(caught.value)
    assert "1 tensors missing (proj_out.weight)" in message
    assert "not expected (extra.weight)" in message
    assert "proj_out.bias (80,) instead of (100,)" in message


def test_wrong_size_names_a_few(kit: ModuleType) -> None:
    checkpoint = Checkpoint(kit.tiny_config("v1").model_copy(update={"depth": 4}), change(kit).tensors, "m.pt")
    with pytest.raises(CheckpointError, match=r"transformer_blocks\.2.*and \d+ more"):
        build_network(checkpoint, Vocabulary(kit.TOKENS))


def test_wrong_vocabulary(kit: ModuleType) -> None:
    with pytest.raises(CheckpointError, match=r"trained with a vocabulary of 40 tokens, .* has 42"):
        build_network(change(kit), Vocabulary([*kit.TOKENS, "1", "2"]))


def test_nan_weights(kit: ModuleType) -> None:
    with pytest.raises(CheckpointError, match=r"NaN or infinite values in proj_out\.bias"):
        build_network(change(kit, **{"proj_out.bias": torch.full((100,), torch.nan)}), Vocabulary(kit.TOKENS))


def test_other_rotary_frequencies(kit: ModuleType) -> None:
    other = {"rotary_embed.inv_freq": 2 * kit.tiny_network("v1").rotary_embed.inv_freq}
    with pytest.raises(CheckpointError, match="rotary"):
        build_network(change(kit, **other), Vocabulary(kit.TOKENS))


class Bomb:
    """A pickle that would write a file when it is read carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_with_code(kit: ModuleType, tmp_path: Path, zipped: bool) -> None:
    mark = tmp_path / "exploded"
    path = tmp_path / "m.pt"
    torch.save({"ema_model_state_dict": plain(kit), "x": Bomb(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"asks to run code.*not loaded"):
        read_checkpoint(path, kit.tiny_config("v1"))
    assert not mark.exists()


def test_bare_pickle_with_code(kit: ModuleType, tmp_path: Path) -> None:
    mark = tmp_path / "exploded"
    (tmp_path / "m.pt").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "m.pt", kit.tiny_config("v1"))
    assert not mark.exists()


def write_truncated(kit: ModuleType, path: Path) -> None:
    whole = path.with_name("whole" + path.suffix)
    if path.suffix == ".pt":
        torch.save({"ema_model_state_dict": plain(kit)}, whole)
    else:
        save_file(plain(kit), whole)
    path.write_bytes(whole.read_bytes()[:5000])


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_damaged_files(kit: ModuleType, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    for content in (b"", b"not a checkpoint at all", bytes(range(256)) * 4):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"m\."):
            read_checkpoint(path, kit.tiny_config("v1"))
    write_truncated(kit, path)
    with pytest.raises(CheckpointError, match=r"m\."):
        read_checkpoint(path, kit.tiny_config("v1"))


def test_files_of_other_things(kit: ModuleType, tmp_path: Path) -> None:
    config = kit.tiny_config("v1")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save({"model_state_dict": 3}, tmp_path / "number.pt")
    save_file({"encoder.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "weights.onnx").write_bytes(b"x")
    for name, message in (
        ("list.pt", "holds a list"),
        ("number.pt", "holds a int as model_state_dict"),
        ("other.safetensors", "unexpected entries encoder.weight"),
        ("weights.onnx", r"must be \.safetensors"),
    ):
        with pytest.raises(CheckpointError, match=message):
            read_checkpoint(tmp_path / name, config)
    with pytest.raises(NotFoundError, match="no weights file"):
        read_checkpoint(tmp_path / "none.pt", config)


def test_undecided_variant(kit: ModuleType, tmp_path: Path) -> None:
    save_file(plain(kit), tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match="cannot tell which F5 variant"):
        read_checkpoint(tmp_path / "m.safetensors")
    (tmp_path / "m.yaml").write_text(json.dumps(kit.tiny_config("v0").model_dump()), encoding="utf-8")
    assert read_checkpoint(tmp_path / "m.safetensors").config.pe_attn_head == 1
