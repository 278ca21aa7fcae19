"""Checkpoint folders as users have them: what is missing or of another shape, and recordings that cannot be cloned."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.registry import default_registry
from locutor.engines.xtts.engine import Plan, XttsEngine
from locutor.errors import AudioError, CheckpointError, NotFoundError
from locutor.types import Waveform

Files = dict[str, Path]
CPU = Plan(device="cpu", dtype=torch.float32, int8=False, max_batch=2, steps=2)


@pytest.fixture
def files(kit: ModuleType, tmp_path: Path) -> Files:
    written: Files = kit.write_files(tmp_path / "models" / "mine")
    return written


def load(files: Files) -> XttsEngine:
    return XttsEngine.load(files["model.safetensors"], files["config.json"], files["vocab.json"], plan=CPU)


def write_card(files: Files, *roles: tuple[str, str]) -> CheckpointStore:
    folder = files["config.json"].parent
    card = {
        "id": "mine", "engine": "xtts", "title": "Mine", "languages": ["en"], "licence": "CPML",
        "commercial_use": False, "files": [{"role": role, "path": name} for role, name in roles],
    }  # fmt: skip
    (folder / "card.yaml").write_text(yaml.safe_dump(card))
    return CheckpointStore(folder.parents[1])


ROLES = (("model", "model.safetensors"), ("config", "config.json"), ("vocab", "vocab.json"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.safetensors", "no weights file at .*model.safetensors"),
        ("config.json", "no config file at .*config.json; an XTTS checkpoint comes with a config.json"),
        ("vocab.json", "no vocabulary at .*vocab.json; an XTTS checkpoint comes with a vocab.json"),
    ],
)
def test_a_file_that_is_not_there_is_named(files: Files, name: str, message: str) -> None:
    files[name].unlink()
    with pytest.raises(NotFoundError, match=message):
        load(files)
    with pytest.raises(NotFoundError, match=f"model 'mine' lacks .*{name}; get it with: locutor models pull mine"):
        write_card(files, *ROLES).locate("mine")


def test_a_card_that_names_too_few_files(files: Files) -> None:
    checkpoint = write_card(files, ROLES[0]).locate("mine")
    with pytest.raises(CheckpointError, match="the card of model 'mine' names no file for config, vocab"):
        default_registry().load(checkpoint, "cpu")


def changed(files: Files, change: Callable[[dict[str, torch.Tensor]], None]) -> Files:
    tensors = load_file(files["model.safetensors"])
    change(tensors)
    save_file(tensors, files["model.safetensors"])
    return files


def test_a_gpt_of_another_shape(files: Files) -> None:
    config = json.loads(files["config.json"].read_text())
    config["model_args"]["gpt_layers"] = 4
    files["config.json"].write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"does not fit this network: 12 tensors missing \(gpt.gpt.h.3.attn"):
        load(files)
    config["model_args"] |= {"gpt_layers": 3, "gpt_n_model_channels": 32}
    files["config.json"].write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"of the wrong shape \(.*\(.*64.*\) instead of \(.*32.*\)"):
        load(files)
    config["model_args"]["gpt_n_heads"] = 5
    files["config.json"].write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"n_model_channels \(32\) must be a multiple of n_heads \(5\)"):
        load(files)


def test_a_vocabulary_of_another_model(files: Files) -> None:
    vocabulary = json.loads(files["vocab.json"].read_text())
    vocabulary["model"]["vocab"]["zzz"] = len(vocabulary["model"]["vocab"])
    files["vocab.json"].write_text(json.dumps(vocabulary))
    n = len(vocabulary["model"]["vocab"])
    with pytest.raises(CheckpointError, match=f"vocabulary has {n} tokens, but the network was trained with {n - 1}"):
        load(files)


def test_weights_of_something_else(files: Files) -> None:
    def forget(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if name.startswith("gpt.")]:
            del tensors[name]

    with pytest.raises(CheckpointError, match="is not an XTTS checkpoint: it holds no tensors of a GPT"):
        load(changed(files, forget))


def test_weights_that_are_no_numbers(files: Files) -> None:
    with pytest.raises(CheckpointError, match="holds NaN or infinite values in gpt.mel_head.bias"):
        load(changed(files, lambda tensors: tensors["gpt.mel_head.bias"].fill_(torch.nan)))


def test_a_config_of_the_first_version(files: Files) -> None:
    config = json.loads(files["config.json"].read_text())
    config["model_args"]["gpt_use_perceiver_resampler"] = False
    files["config.json"].write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="is a config of XTTS-v1 .*; only XTTS-v2 is supported"):
        load(files)


@pytest.mark.parametrize(
    ("duration_s", "level", "message"),
    [
        (0.2, 0.3, r"the reference lasts 0.20 s; at least 1 s of speech is needed"),
        (3.0, 0.0, "the reference is silent: its peak is"),
        (61.0, 0.3, r"the reference lasts 61.0 s; at most 60 s is allowed"),
    ],
)
def test_a_recording_that_cannot_be_cloned(files: Files, duration_s: float, level: float, message: str) -> None:
    t = np.arange(round(24_000 * duration_s)) / 24_000
    recording = Waveform((level * np.sin(2 * np.pi * 150 * t)).astype(np.float32), 24_000)
    engine = load(files)
    with pytest.raises(AudioError, match=message):
        engine.encode_voice(recording)
    with pytest.raises(AudioError, match="a voice needs at least one recording"):
        engine.encode_clips([])
