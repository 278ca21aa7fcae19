"""Recipes are scripts, not a package: they are loaded by their paths, with each other in reach."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "recipes" / "builtin_voice"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module
