"""Saved models are listed without a restart, opened by id, promoted, exported, pruned; no id leads anywhere else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.f5.checkpoint import build_network, read_checkpoint
from locutor.engines.f5.tokens import read_vocabulary
from locutor.engines.lora import adapted, read_adapter
from locutor.errors import CheckpointError, ConflictError, NotFoundError, OptionError
from locutor.runs.catalog import RunCatalog
from locutor.runs.export import export_model

SaveRun = Callable[..., None]


def test_epoch_10_comes_before_9_and_new_files_appear(catalog: RunCatalog, save_run: SaveRun) -> None:
    save_run("alice", epochs=10)
    save_run("bob")
    models = catalog.models("alice")
    assert [model.epoch for model in models] == list(range(10, 0, -1))
    assert models[0].id == "alice/checkpoint_epoch_10" and models[0].links == ("model_last",)
    assert models[0].n_bytes == (models[0].path / "model.safetensors").stat().st_size + 5 * 2 + (
        (models[0].path / "model.yaml").stat().st_size
    )
    assert {model.run for model in catalog.models()} == {"alice", "bob"}
    loose = catalog.get("bob").checkpoints / "model_500.pt"
    torch.save({"weights": torch.ones(3)}, loose)
    found = catalog.model("bob/model_500.pt")
    assert found.facts is None and found.n_bytes == loose.stat().st_size


def test_a_saved_model_is_a_model_like_any_other(
    catalog: RunCatalog, store: CheckpointStore, save_run: SaveRun
) -> None:
    save_run("alice", epochs=2)
    by_catalog, by_store = catalog.open("alice/model_last"), store.locate("alice/checkpoint_epoch_2")
    assert by_catalog.sha256 == by_store.sha256 != store.locate("tiny").sha256
    assert by_store.card.engine == "f5" and by_store.card.licence == "MIT"
    network = build_network(read_checkpoint(by_store.files["model"]), read_vocabulary(by_store.files["vocab"]))
    assert network.config.name == "tiny"
    assert catalog.open("alice/base").sha256 == store.locate("tiny").sha256


def test_a_changed_file_is_refused(store: CheckpointStore, save_run: SaveRun, tmp_path: Path) -> None:
    save_run("alice")
    place = tmp_path / "training/alice/checkpoints/checkpoint_epoch_1/model.safetensors"
    save_file({k: v + 1 for k, v in load_file(place).items()}, place)
    with pytest.raises(CheckpointError, match="SHA-256"):
        store.locate("alice/checkpoint_epoch_1")


@pytest.mark.parametrize(
    "model", ["alice/../../models/tiny", "alice/..", "../models/tiny", "alice/", "/etc/passwd", "alice/.unfinished_x/y"]
)
def test_ids_are_no_paths(catalog: RunCatalog, store: CheckpointStore, save_run: SaveRun, model: str) -> None:
    save_run("alice")
    with pytest.raises(NotFoundError):
        catalog.open(model)
    with pytest.raises(NotFoundError):
        store.locate(model)


def test_promoting_makes_a_model_of_the_installation(
    catalog: RunCatalog, store: CheckpointStore, save_run: SaveRun
) -> None:
    save_run("alice", epochs=2)
    assert catalog.promote("alice/model_last", "alice-voice") == "alice-voice"
    catalog.remove("alice")
    found = store.locate("alice-voice")
    assert found.card.id == "alice-voice" and found.files["model"].is_file()
    with pytest.raises(ConflictError, match="alice-voice"):
        store.adopt(found.files["model"].parent, "alice-voice")
    with pytest.raises(OptionError, match="a-z"):
        store.adopt(found.files["model"].parent, "../evil")


def test_an_adapter_stands_on_its_base_and_can_be_merged(
    catalog: RunCatalog, store: CheckpointStore, save_run: SaveRun, tmp_path: Path
) -> None:
    save_run("alice", lora=True)
    found = catalog.open("alice/checkpoint_epoch_1")
    assert found.card.requires == ("tiny",) and found.files["model"] == store.locate("tiny").files["model"]
    assert catalog.model("alice/checkpoint_epoch_1").n_bytes < found.files["model"].stat().st_size / 4
    vocabulary = read_vocabulary(found.files["vocab"])
    base = build_network(read_checkpoint(found.files["model"]), vocabulary)
    with_adapter = adapted(base, read_adapter(found.files["adapter"], found.files["adapter_config"]))
    export_model(catalog, "alice/checkpoint_epoch_1", tmp_path / "merged", merge=True)
    merged = store.open(tmp_path / "merged")
    assert "adapter" not in merged.files and merged.card.requires == ()
    whole = build_network(read_checkpoint(merged.files["model"]), vocabulary)
    x, time = torch.randn(1, 9, 12), torch.tensor([0.4])
    cond, text = torch.randn(1, 9, 12), torch.randn(1, 9, 32)
    a, b, plain = (net(x, time, net.context(cond, text)) for net in (with_adapter, whole, base))
    assert torch.allclose(a, b, atol=1e-4) and not torch.allclose(a, plain, atol=1e-2)
    export_model(catalog, "alice/checkpoint_epoch_1", tmp_path / "small", merge=False)
    assert (tmp_path / "small" / "adapter_model.safetensors").is_file()


def test_an_adapter_refuses_another_base(store: CheckpointStore, save_run: SaveRun, tmp_path: Path) -> None:
    save_run("alice", lora=True)
    place = tmp_path / "models/tiny/model.safetensors"
    save_file({k: v + 1 for k, v in load_file(place).items()}, place)
    (tmp_path / "models/hashes.json").unlink()
    with pytest.raises(CheckpointError, match="other weights"):
        store.locate("alice/checkpoint_epoch_1")


def test_pruning_spares_the_last_and_the_best(catalog: RunCatalog, save_run: SaveRun) -> None:
    save_run("alice", epochs=5)
    (catalog.get("alice").checkpoints / "model_best").symlink_to("checkpoint_epoch_2")
    assert sorted(catalog.prune("alice", 2)) == ["checkpoint_epoch_1", "checkpoint_epoch_3"]
    assert [model.epoch for model in catalog.models("alice")] == [5, 4, 2]


def test_names_that_are_taken_or_unknown(catalog: RunCatalog, save_run: SaveRun) -> None:
    save_run("alice")
    with pytest.raises(ConflictError, match="alice"):
        save_run("alice")
    with pytest.raises(NotFoundError, match="alice"):
        catalog.get("alcie")
    with pytest.raises(NotFoundError, match="checkpoint_epoch_1"):
        catalog.model("alice/checkpoint_epoch_7")
    shutil.rmtree(catalog.root)
    assert list(catalog.list()) == [] and list(catalog.models()) == []
