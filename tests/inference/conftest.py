"""A tiny F5 checkpoint with random weights, as files."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from locutor.types import Waveform


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """tests/engines/f5/kit.py; tests are not a package, so it is loaded by its path."""
    path = Path(__file__).parents[1] / "engines" / "f5" / "kit.py"
    spec = importlib.util.spec_from_file_location("f5_kit", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def files(kit: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    written: dict[str, Path] = kit.write_files(tmp_path_factory.mktemp("f5"))
    return written


@pytest.fixture(scope="session")
def sound() -> Waveform:
    t = np.arange(2 * 24_000) / 24_000
    samples = 0.3 * np.sin(2 * np.pi * 200 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    return Waveform(samples.astype(np.float32), 24_000)


@pytest.fixture(scope="session")
def ref_audio(sound: Waveform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from locutor.audio import io

    path = tmp_path_factory.mktemp("ref") / "ref.wav"
    io.write(path, sound)
    return path
