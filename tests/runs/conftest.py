"""Runs with saved models of a tiny F5 network, made without training."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.engines.lora import LoraLinear, adapt
from locutor.runs.catalog import RunCatalog
from locutor.training import saved
from locutor.training.f5 import Clip
from locutor.training.f5_finetune import F5Trainable
from locutor.training.run_config import RunConfig
from locutor.training.saved import Facts, Origin

TINY = F5Config(
    name="tiny", dim=64, depth=2, heads=1, ff_mult=2, text_dim=32, conv_layers=1, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    """An installation with one own F5 model, `tiny`, and its vocoder's file."""
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    (tmp_path / "vocab.txt").write_text(" \na\nb\nc\nd\n", encoding="utf-8")
    trainable = make_trainable(tmp_path / "vocab.txt")
    roles = trainable.write(folder, trainable.network.state_dict())
    card = {
        "id": "tiny", "engine": "f5", "title": "Tiny", "languages": ["en"], "licence": "MIT", "commercial_use": True,
        "files": [{"role": role, "path": name} for role, name in roles.items()],
    }  # fmt: skip
    (folder / "card.yaml").write_text(yaml.safe_dump(card))
    return CheckpointStore(tmp_path)


def make_trainable(vocab_file: Path) -> F5Trainable:
    torch.manual_seed(0)
    clip = Clip(torch.zeros(20, TINY.n_mels), (0, 1, 2))
    return F5Trainable(DiT(TINY, n_tokens=5), vocab_file, [clip], [], batch_size=1)


@pytest.fixture
def catalog(tmp_path: Path, store: CheckpointStore) -> RunCatalog:
    return RunCatalog(tmp_path / "training", store)


SaveRun = Callable[..., None]


@pytest.fixture
def save_run(tmp_path: Path, store: CheckpointStore, catalog: RunCatalog) -> SaveRun:
    """save_run("alice", epochs=3, lora=False) leaves a run as training would."""

    def save(name: str, epochs: int = 1, lora: bool = False) -> None:
        config = RunConfig(
            model_name=name, dataset=tmp_path, base="tiny", method="lora" if lora else "full", rank=2, keep_last=1
        )
        folder = catalog.create(config)
        base = store.locate("tiny")
        trainable = make_trainable(base.files["vocab"])
        settings = config.lora(trainable.adapter_targets) if lora else None
        if settings:
            adapt(trainable.network, settings)
            for module in trainable.network.modules():
                if isinstance(module, LoraLinear):
                    torch.nn.init.normal_(module.lora_B.weight)
        for epoch in range(1, epochs + 1):
            facts = Facts(
                name=f"checkpoint_epoch_{epoch}", epoch=epoch, step=10 * epoch, method=config.method, base="tiny",
                base_sha256=base.sha256, held_out={"loss": 1 / epoch},
            )  # fmt: skip
            origin = Origin(config, base, settings)
            state = trainable.network.state_dict()
            learned = {k: v + 0.01 * epoch if k.endswith("proj_out.bias") else v for k, v in state.items()}
            saved.save_model(folder.checkpoints, trainable, learned, origin, facts)
            saved.point(folder.checkpoints, saved.LAST, facts.name)
            time.sleep(0.01)

    return save
