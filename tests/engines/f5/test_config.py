"""Configs, and how a checkpoint file gets one."""

import json
from pathlib import Path
from typing import Any

import pytest

from locutor.engines.f5.config import NAMES, VARIANTS, F5Config, find_config, packaged_config, read_config
from locutor.engines.f5.dit import DiT
from locutor.errors import CheckpointError, NotFoundError

TINY: dict[str, Any] = dict(name="t", dim=64, depth=1, heads=1, text_mask_padding=True, pe_attn_head=None)


@pytest.mark.parametrize(
    ("name", "millions"),
    [("F5TTS_v1_Base", 337.10), ("F5TTS_Base", 337.10), ("F5TTS_Small", 159.2), ("F5TTS_v1_Small", 159.2)],
)
def test_packaged_sizes(name: str, millions: float) -> None:
    """Parameter counts with the released vocabulary of 2545 tokens."""
    import torch

    with torch.device("meta"):
        network = DiT(packaged_config(name), 2545)
    count = sum(p.numel() for p in network.parameters()) / 1e6
    assert count == pytest.approx(millions, abs=0.06)


def test_versions_differ_where_tensors_do_not() -> None:
    v0, v1 = packaged_config("F5TTS_Base"), packaged_config("F5TTS_v1_Base")
    assert (v0.text_mask_padding, v0.pe_attn_head) == (False, 1)
    assert (v1.text_mask_padding, v1.pe_attn_head) == (True, None)
    same = {"name", "text_mask_padding", "pe_attn_head"}
    assert v0.model_dump(exclude=same) == v1.model_dump(exclude=same)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dimm": 3}, "dimm: Extra inputs"),
        ({"dim": "64"}, "dim: Input should be a valid integer"),
        ({"dim": 65}, "multiple of 16"),
        ({"pe_attn_head": 2}, "at most heads"),
        ({"qk_norm": "layer"}, "qk_norm"),
    ],
)
def test_wrong_configs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        find_config(Path("m.safetensors"), {**TINY, **change})


def test_text_mask_padding_has_no_default() -> None:
    with pytest.raises(CheckpointError, match="text_mask_padding: Field required"):
        find_config(Path("m.safetensors"), {k: v for k, v in TINY.items() if k != "text_mask_padding"})


@pytest.mark.parametrize("name", ["model.safetensors.yaml", "model.yaml", "model.json", "model.safetensors.json"])
def test_sidecar(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps(TINY), encoding="utf-8")
    assert find_config(tmp_path / "model.safetensors") == F5Config(**TINY)


@pytest.mark.parametrize(
    ("folder", "name"),
    [(n, n) for n in (*NAMES, *VARIANTS)] + [("f5tts-v1-base", "F5TTS_v1_Base"), ("f5tts-base", "F5TTS_Base")],
)
def test_folder_name(tmp_path: Path, folder: str, name: str) -> None:
    assert find_config(tmp_path / folder / "model_1.safetensors") == packaged_config(name)


def test_folder_name_behind_links_to_files_named_by_their_hash(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshots" / "84e5a4" / "F5TTS_v1_Base"
    snapshot.mkdir(parents=True)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "97ec").touch()
    (snapshot / "model_1.safetensors").symlink_to(Path("..", "..", "..", "blobs", "97ec"))
    (tmp_path / "again.safetensors").symlink_to(snapshot / "model_1.safetensors")
    for file in (snapshot / "model_1.safetensors", tmp_path / "again.safetensors"):
        assert find_config(file) == packaged_config("F5TTS_v1_Base")
    (tmp_path / "round.pt").symlink_to(tmp_path / "round.pt")
    with pytest.raises((OSError, RuntimeError, CheckpointError)):  # by Python's version
        find_config(tmp_path / "round.pt")


def test_bigvgan_variant_says_so() -> None:
    assert packaged_config("F5TTS_Base_bigvgan").mel_kind == "bigvgan"


def test_order_explicit_sidecar_folder(tmp_path: Path) -> None:
    folder = tmp_path / "F5TTS_Base"
    folder.mkdir()
    assert find_config(folder / "m.pt").name == "F5TTS_Base"
    (folder / "m.yaml").write_text(json.dumps(TINY), encoding="utf-8")
    assert find_config(folder / "m.pt").name == "t"
    assert find_config(folder / "m.pt", "F5TTS_v1_Small").name == "F5TTS_v1_Small"


def test_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot tell which F5 variant .*F5TTS_v1_Base, F5TTS_Base"):
        find_config(tmp_path / "model.safetensors")


def test_files_that_are_no_configs(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(NotFoundError, match="no F5 config named 'F6'"):
        packaged_config("F6")
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match="not readable"):
        read_config(tmp_path / "a.json")
    (tmp_path / "b.yaml").write_text("- 1\n- 2\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="is wrong"):
        find_config(tmp_path / "m.pt", str(tmp_path / "b.yaml"))
