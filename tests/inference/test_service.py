"""The service that threads share."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from locutor.inference import F5TTSInferenceService, get_inference_service

REF_TEXT = "hello there"


@pytest.fixture
def service() -> Iterator[F5TTSInferenceService]:
    own = F5TTSInferenceService()
    yield own
    own.unload_model()


@pytest.fixture
def configure(service: F5TTSInferenceService, files: dict[str, Path]) -> Callable[..., None]:
    def apply(**changes: Path) -> None:
        used = {**files, **changes}
        service.configure(used["model.safetensors"], used["vocab.txt"], "cpu", vocoder_path=used["vocoder.safetensors"])

    return apply


def test_one_instance_for_all_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: get_inference_service(), range(32)))
    assert {id(s) for s in found} == {id(F5TTSInferenceService.get_instance())}


def test_life(service: F5TTSInferenceService, configure: Callable[..., None], ref_audio: Path, tmp_path: Path) -> None:
    assert not service.is_configured() and not service.is_loaded()
    assert repr(service) == "F5TTSInferenceService(not configured, model=not loaded)"
    with pytest.raises(RuntimeError, match=r"not configured; call configure\(\) first"):
        service.load_model()
    with pytest.raises(RuntimeError, match="not configured"):
        service.generate("a day", ref_audio, REF_TEXT)
    configure()
    assert service.is_configured() and not service.is_loaded()
    with pytest.raises(RuntimeError, match="no model is loaded"):
        service.save_audio(np.zeros(10, np.float32), tmp_path / "a.wav")
    audio = service.generate("a day", ref_audio, ref_text=REF_TEXT, nfe_step=1, seed=1)
    assert service.is_loaded()
    service.save_audio(audio, tmp_path / "a.wav")
    assert (tmp_path / "a.wav").stat().st_size > 44
    assert repr(service) == "F5TTSInferenceService(configured, model=loaded)"


def test_unload_returns_the_memory_and_loads_again(
    service: F5TTSInferenceService, configure: Callable[..., None], ref_audio: Path
) -> None:
    configure()
    first = service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=1)
    model = weakref.ref(service._model)
    service.unload_model()
    gc.collect()
    assert model() is None and not service.is_loaded() and service.is_configured()
    assert np.array_equal(service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=1), first)


def test_the_same_configuration_keeps_the_model(service: F5TTSInferenceService, configure: Callable[..., None]) -> None:
    configure()
    service.load_model()
    model = service._model
    configure()
    service.load_model()
    assert service._model is model


def test_another_configuration_swaps_the_model(
    service: F5TTSInferenceService,
    configure: Callable[..., None],
    kit: ModuleType,
    ref_audio: Path,
    tmp_path: Path,
) -> None:
    other = kit.write_files(tmp_path, seed=9)
    configure()
    first = service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=1)
    configure(**other)
    assert not service.is_loaded()
    second = service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=1)
    assert not np.allclose(first, second)
    configure()
    assert np.array_equal(service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=1), first)


def test_a_failed_load_leaves_the_service_usable(
    service: F5TTSInferenceService, configure: Callable[..., None], ref_audio: Path, tmp_path: Path
) -> None:
    configure(**{"model.safetensors": tmp_path / "none.safetensors"})
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        service.generate("a day", ref_audio, REF_TEXT)
    assert not service.is_loaded()
    configure()
    assert service.generate("a day", ref_audio, REF_TEXT, nfe_step=1).size > 0


def test_threads(service: F5TTSInferenceService, configure: Callable[..., None], ref_audio: Path) -> None:
    """Calls, unloads and reconfigurations at once: every call gives what it gives alone."""
    configure()
    wanted = {seed: service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=seed) for seed in (1, 2, 3)}
    start = threading.Barrier(6)

    def speak(seed: int) -> bool:
        start.wait()
        return all(
            np.array_equal(service.generate("a day", ref_audio, REF_TEXT, nfe_step=1, seed=seed), wanted[seed])
            for _ in range(3)
        )

    def disturb() -> bool:
        start.wait()
        for _ in range(5):
            service.unload_model()
            configure()
        return True

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(speak, seed) for seed in (1, 2, 3, 1)] + [pool.submit(disturb) for _ in range(2)]
        assert all(job.result(timeout=60) for job in done)
