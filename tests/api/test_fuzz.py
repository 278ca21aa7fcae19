"""A bounded run of the fuzzer; `python tests/api/fuzz.py` runs for longer."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import DEFAULT_VOICE, listening, make_settings
from .kept import furnish

pytestmark = pytest.mark.filterwarnings("default")  # schemathesis remarks on what it cannot make up


@pytest.fixture(scope="module")
def fuzzer() -> Any:
    spec = importlib.util.spec_from_file_location("api_fuzzer", Path(__file__).parent / "fuzz.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_operation_succeeds_and_none_breaks_its_description(fuzzer: Any, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, hub_url="http://127.0.0.1:9")  # nothing is fetched
    kept = furnish(settings, DEFAULT_VOICE)
    with listening(settings) as url:
        statuses = fuzzer.fuzz(url, kept, n_examples=10, n_runs=8)
        described = httpx.get(f"{url}/openapi.json").json()["paths"]
    assert len(statuses) == sum(len(operations) for operations in described.values())
    assert fuzzer.never_succeeded(statuses) == []
