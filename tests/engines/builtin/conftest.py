"""Voices for the engine, a tiny network with every weight drawn, and the script behind the goldens."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from locutor.audio.io import read
from locutor.engines.base import VoicePrompt
from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.builtin.engine import INFO, BuiltinEngine, Networks, read_networks
from locutor.engines.builtin.network import AlignedDiT
from locutor.types import Waveform

ROOT = Path(__file__).parents[3]
CLIPS = ROOT / "tests" / "clips"
TINY = NetworkConfig(n_tokens=12, n_mels=20, dim=128, depth=2, text_dim=16, text_layers=2)


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def goldens() -> ModuleType:
    """recipes/goldens/make_builtin_goldens.py"""
    return load_script(ROOT / "recipes" / "goldens" / "make_builtin_goldens.py")


@pytest.fixture(scope="session")
def networks() -> Networks:
    return read_networks()


@pytest.fixture
def batching(networks: Networks) -> BuiltinEngine:
    """In float32, whose batches can be compared with single utterances, and with batches, as on a GPU."""
    engine = BuiltinEngine(networks)
    engine.info = INFO
    return engine


@pytest.fixture
def tiny() -> AlignedDiT:
    """Redrawn, because modulation, output and timbre start at zero: whatever is wrong, the output would be zero."""
    network = AlignedDiT(TINY).eval().requires_grad_(False)
    redraw = load_script(ROOT / "recipes" / "goldens" / "random_weights.py").redraw
    redraw(network)
    network.mel_std.abs_().add_(0.5)
    return network


@pytest.fixture(scope="session")
def clips() -> dict[str, Waveform]:
    """Four unseen voices, with 3 s, 4 s, 5 s and 6 s of each."""
    found = {}
    for i, name in enumerate(("voice_00", "voice_01", "voice_02", "voice_07")):
        whole = read(CLIPS / f"{name}.ogg")
        found[name] = Waveform(whole.samples[: (3 + i) * whole.sample_rate], whole.sample_rate)
    return found


@pytest.fixture(scope="session")
def prompts(builtin: BuiltinEngine, clips: dict[str, Waveform]) -> dict[str, VoicePrompt]:
    torch.set_num_threads(1)
    return {name: builtin.encode_voice(clip) for name, clip in clips.items()}
