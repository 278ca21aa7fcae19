"""The fault test in small, on the built-in voice alone; benchmarks/dataset_faults.py has it in full."""

import importlib
import zlib
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from locutor.datasets import DatasetStore, Watch
from locutor.engines.base import Engine

ROOT = Path(__file__).parents[2]
TEXTS = (ROOT / "benchmarks" / "plain_sentences.txt").read_text().splitlines()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("dataset_faults")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("faster_whisper") is None, reason="the extra asr is not installed")
@pytest.mark.skipif(find_spec("resemblyzer") is None, reason="resemblyzer is not installed")
def test_faults_are_found_and_good_clips_spared(bench: ModuleType, builtin: Engine, tmp_path: Path) -> None:
    default = ROOT / "src" / "locutor" / "voices" / "presets" / "default.flac"
    other = ROOT / "tests" / "clips" / "voice_06.ogg"
    groups = {"builtin": bench.synthetic_takes(builtin, default, TEXTS[:14], tmp_path / "builtin")}
    intruders = bench.synthetic_takes(builtin, other, TEXTS[14:22], tmp_path / "other")
    items = [*bench.unspoilt(groups), *bench.spoilt(groups, intruders, 1)]
    dataset = DatasetStore(tmp_path).create("faults", "en")
    verdicts = bench.judge(dataset, bench.write_items(items, tmp_path / "recordings"), 1, Watch())
    recall, false = bench.show(items, verdicts)
    assert len(items) == 14 + 21
    assert recall >= 20 / 21 and false <= 1 / 14


def test_the_same_faults_every_time(bench: ModuleType) -> None:
    rng = np.random.default_rng(0)
    hum = np.sin(np.arange(64_000) / 9).astype(np.float32) * np.abs(np.sin(np.arange(64_000) / 4000)) * 0.3
    takes = [bench.Take(bench.io.decode(bench.io.encode(_waveform(hum, k), "wav")), TEXTS[k]) for k in range(5)]
    groups = {"a": takes}
    first, again = ([item.take.file() for item in bench.spoilt(groups, takes, 1)] for _ in range(2))
    assert first == again and len(set(first)) == len(first) == 21
    assert rng.random() < 1 and zlib.crc32(b"noise_0_00") > 0


def _waveform(samples: np.ndarray, k: int) -> object:
    from locutor.types import Waveform

    return Waveform(samples[: 36_000 + 4000 * k], 16_000)
