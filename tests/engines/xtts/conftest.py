"""The kit of the XTTS tests as a fixture."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """tests/engines/xtts/kit.py; tests are not a package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location("xtts_kit", Path(__file__).with_name("kit.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    return module
