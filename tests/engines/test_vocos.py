"""Vocos against upstream's, and finding, loading and sharing its weights."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from locutor.engines import vocos as vocos_module
from locutor.engines.vocoder import VocoderCache, load_vocoder
from locutor.engines.vocos import ConvNeXtBlock, Head, Vocos, VocosConfig
from locutor.errors import CheckpointError, NotFoundError

GOLDEN = Path(__file__).parents[1] / "goldens" / "f5" / "signal.npz"
SMALL = VocosConfig(dim=32, intermediate_dim=64, n_layers=2)
PUBLIC_CONFIG = """
feature_extractor: {class_path: vocos.feature_extractors.MelSpectrogramFeatures}
head:
  class_path: vocos.heads.ISTFTHead
  init_args: {dim: 512, n_fft: 1024, hop_length: 256, padding: center}
"""


def golden() -> dict[str, Tensor]:
    with np.load(GOLDEN) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


@pytest.fixture
def network() -> Vocos:
    import importlib.util

    path = Path(__file__).parents[2] / "recipes" / "goldens" / "random_weights.py"
    spec = importlib.util.spec_from_file_location("random_weights", path)
    assert spec is not None and spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    built = Vocos(SMALL)
    recipe.redraw(built)
    return built.eval().requires_grad_(False)


def difference(network: Vocos) -> float:
    wanted = golden()
    return float((network(wanted["vocos"][:, :, :24]) - wanted["vocoded"]).abs().max())


def test_equals_upstream(network: Vocos) -> None:
    wanted = golden()
    audio = network(wanted["vocos"][:, :, :24])
    assert audio.shape == wanted["vocoded"].shape == (1, 23 * 256)
    assert wanted["vocoded"].std() > 0.1
    torch.testing.assert_close(audio, wanted["vocoded"], rtol=0, atol=1e-4)


def no_gamma(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = ConvNeXtBlock.forward
    monkeypatch.setattr(ConvNeXtBlock, "forward", lambda self, x, valid: x + (forward(self, x, valid) - x) * 0.9)


def tanh_gelu(monkeypatch: pytest.MonkeyPatch) -> None:
    gelu = vocos_module.F.gelu
    monkeypatch.setattr(vocos_module.F, "gelu", lambda x: gelu(x, approximate="tanh"))


def no_magnitude_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocos_module, "MAX_MAGNITUDE", 2.0)


def phase_first(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Head.forward

    def swapped(self: Head, x: Tensor, valid: Tensor | None) -> Tensor:
        out = self.out
        half = out.weight.shape[0] // 2
        out.weight.data, out.bias.data = out.weight.data.roll(half, dims=0), out.bias.data.roll(half, dims=0)
        return forward(self, x, valid)

    monkeypatch.setattr(Head, "forward", swapped)


@pytest.mark.parametrize("mutate", [no_gamma, tanh_gelu, no_magnitude_limit, phase_first])
def test_errors_are_noticed(
    network: Vocos, monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None]
) -> None:
    assert difference(network) < 1e-4
    mutate(monkeypatch)
    assert difference(network) > 1e-4


def public_file(network: Vocos, folder: Path) -> Path:
    """As charactr/vocos-mel-24khz comes: a pickle with the mel's filters, and a config."""
    features = {
        "feature_extractor.mel_spec.spectrogram.window": torch.hann_window(1024),
        "feature_extractor.mel_spec.mel_scale.fb": torch.zeros(513, 100),
    }
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({**features, **network.state_dict()}, folder / "pytorch_model.bin")
    (folder / "config.yaml").write_text(PUBLIC_CONFIG, encoding="utf-8")
    return folder


def test_public_file_loads(network: Vocos, tmp_path: Path) -> None:
    folder = public_file(network, tmp_path / "vocos-mel-24khz")
    for path in (folder, folder / "pytorch_model.bin"):
        loaded = load_vocoder(path)
        assert loaded.config == SMALL
        assert difference(loaded) < 1e-4


def test_public_keys() -> None:
    """Names and sizes of the public 24 kHz checkpoint, less its feature extractor."""
    tensors = Vocos().state_dict()
    assert sum(t.numel() for name, t in tensors.items() if name != "head.istft.window") == 13_531_650
    assert {name.split(".")[1] for name in tensors if name.startswith("backbone.")} == {
        "embed", "norm", "convnext", "final_layer_norm",
    }  # fmt: skip
    assert {n.removeprefix("backbone.convnext.7.") for n in tensors if n.startswith("backbone.convnext.7.")} == {
        "gamma", "dwconv.weight", "dwconv.bias", "norm.weight", "norm.bias",
        "pwconv1.weight", "pwconv1.bias", "pwconv2.weight", "pwconv2.bias",
    }  # fmt: skip
    assert {n for n in tensors if n.startswith("head.")} == {"head.out.weight", "head.out.bias", "head.istft.window"}


def test_safetensors_load(network: Vocos, tmp_path: Path) -> None:
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    assert difference(load_vocoder(tmp_path)) < 1e-4


def test_one_copy_is_shared_and_let_go(network: Vocos, tmp_path: Path) -> None:
    cache = VocoderCache()
    folder = public_file(network, tmp_path)
    first, second = cache.get(folder), cache.get(folder / "pytorch_model.bin")
    assert first is second and len(cache) == 1
    gone = weakref.ref(first)
    del first, second
    gc.collect()
    assert gone() is None and len(cache) == 0


def test_files_of_a_hubs_cache_are_links_named_by_their_hash(network: Vocos, tmp_path: Path) -> None:
    cache, folder = VocoderCache(), public_file(network, tmp_path)
    blob = (folder / "pytorch_model.bin").rename(tmp_path / "97ec")
    (folder / "pytorch_model.bin").symlink_to(blob)
    assert cache.get(folder) is cache.get(folder / "pytorch_model.bin")


def test_changed_files_are_read_again(network: Vocos, tmp_path: Path) -> None:
    import os

    cache = VocoderCache()
    folder = public_file(network, tmp_path)
    first = cache.get(folder)
    os.utime(folder / "pytorch_model.bin", (1, 1))
    assert cache.get(folder) is not first


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"model\.safetensors or pytorch_model\.bin"):
        load_vocoder(tmp_path)


def test_other_things_are_refused(network: Vocos, tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"not a Vocos checkpoint.*backbone\.embed"):
        load_vocoder(tmp_path / "other.safetensors")
    tensors = network.state_dict()
    del tensors["head.out.bias"]
    save_file(tensors, tmp_path / "half.safetensors")
    with pytest.raises(CheckpointError, match=r"missing \(head\.out\.bias\)"):
        load_vocoder(tmp_path / "half.safetensors")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (PUBLIC_CONFIG.replace("padding: center", "padding: same"), "padding 'same'"),
        (PUBLIC_CONFIG.replace("hop_length: 256", "hop_length: 320"), "hop 320"),
        ("head: 3", "not the config"),
        ("{", "not the config"),
    ],
)
def test_public_variants_that_are_not_covered(network: Vocos, tmp_path: Path, config: str, message: str) -> None:
    folder = public_file(network, tmp_path)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        load_vocoder(folder)


def test_a_padded_batch_equals_each_alone(network: Vocos) -> None:
    generator = torch.Generator().manual_seed(2)
    mels = [torch.randn(n, SMALL.n_mels, generator=generator) for n in (40, 7, 23)]
    valid = torch.zeros(3, 1, 40)
    for row, mel in zip(valid, mels, strict=True):
        row[:, : len(mel)] = 1
    padded = torch.nn.utils.rnn.pad_sequence(mels, batch_first=True, padding_value=3.0).transpose(1, 2)
    together = network(padded, valid)
    for row, mel, alone in zip(together, mels, network.decode(mels), strict=True):
        n = (len(mel) - 1) * 256
        assert alone.shape == (n,) and alone.std() > 0.05
        torch.testing.assert_close(row[:n], alone, rtol=0, atol=1e-4)
