"""Checkpoints from one kind of file into another, and what of upstream's trainer's files is left out."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from locutor.engines.xtts.checkpoint import read_checkpoint
from locutor.engines.xtts.convert import to_safetensors, to_upstream
from locutor.errors import CheckpointError, OptionError

Files = dict[str, Path]


@pytest.fixture
def files(kit: ModuleType, tmp_path: Path) -> Files:
    written: Files = kit.write_files(tmp_path)
    return written


def test_there_and_back(files: Files, kit: ModuleType, tmp_path: Path) -> None:
    before = files["model.safetensors"].read_bytes()
    to_upstream(files["model.safetensors"], files["config.json"], tmp_path / "model.pth")
    content = torch.load(tmp_path / "model.pth", weights_only=True)
    assert content["config"] == json.loads(files["config.json"].read_text())
    assert content["model"].keys() == kit.tiny_tensors().keys()
    to_safetensors(tmp_path / "model.pth", files["config.json"], tmp_path / "back.safetensors")
    back = load_file(tmp_path / "back.safetensors")
    assert all(torch.equal(back[k], v) for k, v in kit.tiny_tensors().items())
    assert files["model.safetensors"].read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_a_file_of_upstreams_trainer_keeps_what_speaks(files: Files, kit: ModuleType, tmp_path: Path) -> None:
    model = {f"xtts.{k}": v for k, v in kit.tiny_tensors().items()}
    model |= {"dvae.encoder.0.0.weight": torch.zeros(2), "torch_mel_spectrogram_dvae.mel_stft.window": torch.zeros(2)}
    model |= {"xtts.gpt.gpt_inference.x": torch.zeros(2), "xtts.gpt.gpt.wte.weight": torch.zeros(2)}
    torch.save({"model": model, "optimizer": {"state": {}}, "step": 3}, tmp_path / "best_model.pth")
    assert read_checkpoint(tmp_path / "best_model.pth").tensors.keys() == kit.tiny_tensors().keys()
    to_safetensors(tmp_path / "best_model.pth", files["config.json"], tmp_path / "mine.safetensors")
    assert load_file(tmp_path / "mine.safetensors").keys() == kit.tiny_tensors().keys()


def test_what_cannot_be_converted(files: Files, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="must end in .safetensors, not 'x.bin'"):
        to_safetensors(files["model.safetensors"], files["config.json"], tmp_path / "x.bin")
    with pytest.raises(OptionError, match="files that end in .pth, not 'x.safetensors'"):
        to_upstream(files["model.safetensors"], files["config.json"], tmp_path / "x.safetensors")
    torch.save({"model": {"gpt.x": "text"}}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match="entries that are no tensors: gpt.x"):
        to_safetensors(tmp_path / "odd.pth", files["config.json"], tmp_path / "x.safetensors")
