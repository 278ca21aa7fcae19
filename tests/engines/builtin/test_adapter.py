"""An adapter of the acoustic network: loaded like a model, changed from request to request, at the cost of itself."""

from pathlib import Path

import numpy as np
import pytest
import torch

from locutor.engines.base import Engine, synthesize
from locutor.engines.builtin.engine import WEIGHTS, BuiltinEngine, read_networks
from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.engines.lora import Adapter, LoraConfig, LoraLinear, adapt, adapter_tensors, write_adapter
from locutor.engines.registry import SharedBases, default_registry
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

OPTIONS = SynthesisOptions(seed=3, nfe_step=2, cfg_strength=0)
CARD = ModelCard(id="a", engine="builtin", title="A", languages=("en",), licence="Apache-2.0", commercial_use=True)


def checkpoint(folder: Path, strength: float) -> Checkpoint:
    """An adapter whose change has the given strength."""
    network = read_networks().acoustic
    config = LoraConfig(rank=2, targets=(r"blocks\.\d+\.attn\.to_v",))
    adapt(network, config)
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, LoraLinear):
            with torch.no_grad():
                module.lora_B.weight.copy_(strength * torch.randn(module.lora_B.weight.shape, generator=generator))
    folder.mkdir()
    write_adapter(folder, Adapter(config, adapter_tensors(network), "builtin"))
    files = {"adapter": folder / "adapter_model.safetensors", "adapter_config": folder / "adapter_config.json"}
    return Checkpoint(CARD, files, f"{strength}")


def speech(engine: Engine, reference: Waveform) -> np.ndarray:
    voice = engine.encode_voice(reference)
    utterance = engine.prepare(SpeechRequest(text="Good day.", language="en", options=OPTIONS), voice)
    return synthesize(engine, [utterance], OPTIONS)[0].samples


@pytest.fixture
def reference() -> Waveform:
    from locutor.audio import io
    from locutor.voices.store import VoiceStore

    return io.read(VoiceStore(Path()).get("default").ref_audio)


def test_adapters_share_their_base_and_speak(tmp_path: Path, builtin: Engine, reference: Waveform) -> None:
    silent = default_registry().load(checkpoint(tmp_path / "silent", 0.0), "cpu")
    strong = default_registry().load(checkpoint(tmp_path / "strong", 0.05), "cpu")  # as each model of a service is
    assert isinstance(silent, BuiltinEngine) and isinstance(strong, BuiltinEngine)
    places = {engine._open().acoustic.proj_out.weight.data_ptr() for engine in (silent, strong)}
    assert len(places) == 1, "one base serves both"
    plain = speech(builtin, reference)
    assert np.array_equal(speech(silent, reference), plain)
    assert not np.allclose(speech(strong, reference), plain, atol=1e-2)
    silent.close()
    assert np.array_equal(speech(strong, reference), speech(strong, reference))


def test_a_base_is_kept_only_while_an_adapter_stands_on_it() -> None:
    bases: SharedBases[BuiltinEngine] = SharedBases()
    made: list[int] = []

    def load() -> BuiltinEngine:
        made.append(1)
        return BuiltinEngine.load()

    first = bases.get((WEIGHTS, "cpu"), load)
    assert bases.get((WEIGHTS, "cpu"), load) is first and len(made) == 1
    del first
    bases.get((WEIGHTS, "cpu"), load)
    assert len(made) == 2
