"""A worker process on each of several devices."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from locutor.bootstrap import speech_backend
from locutor.engines.device import choose_device
from locutor.errors import OptionError
from locutor.serving.backend import SpeechCall
from locutor.serving.service import SpeechService
from locutor.settings import load_settings
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import Voice


@pytest.fixture
def service(installation: Path) -> Iterator[SpeechService]:
    """Two workers of the quick engine."""
    settings = load_settings(data_dir=installation, device="cpu, cpu", model="tones", offline=True, threads=1)
    opened = speech_backend(settings)
    yield opened
    opened.close()


@pytest.mark.slow
def test_calls_are_spread_and_devices_agree(service: SpeechService, installation: Path) -> None:
    voice = Voice.from_file(installation / "ref.wav")
    request = SpeechRequest(text="Hello there.", language="en", options=SynthesisOptions(seed=7))
    with ThreadPoolExecutor(4) as pool:
        spoken = list(pool.map(lambda _: service.speak(SpeechCall.of(request, voice)).waveform.samples, range(8)))
    assert all(np.array_equal(samples, spoken[0]) for samples in spoken)
    status = service.status()
    assert status.workers == {"0": "ready", "1": "ready"}
    assert [state.model for state in status.models] == ["tones", "tones"], "both have spoken"
    lookups, end = counted(service), time.monotonic() + 10
    while sum(lookups.values()) < 16 and time.monotonic() < end:  # told a moment after the audio
        lookups = counted(service)
    assert lookups["voice", "miss"] == lookups["model", "miss"] == 2
    assert lookups["voice", "hit"] == lookups["model", "hit"] == 6


def counted(service: SpeechService) -> dict[tuple[str, str], float]:
    samples = service.metrics.lookups.collect()[0].samples
    return {(s.labels["cache"], s.labels["result"]): s.value for s in samples if s.name.endswith("_total")}


@pytest.mark.slow
@pytest.mark.parametrize(("device", "named"), [("auto", choose_device().name), ("cuda:99", "cuda:99")])
def test_a_worker_names_its_device_before_it_has_a_model(installation: Path, device: str, named: str) -> None:
    """One that is not there too: loading a model then says so."""
    service = speech_backend(load_settings(data_dir=installation, device=device, model="tones", offline=True))
    try:
        end = time.monotonic() + 120
        while service.status().devices == {"0": None} and time.monotonic() < end:
            time.sleep(0.05)
        assert service.status().devices == {"0": named} and service.status().models == ()
        if device != "auto":
            with pytest.raises(OptionError, match="'cuda:99' is not available"):
                service.load("tones")
    finally:
        service.close()


@pytest.mark.parametrize("device", ["", " , "])
def test_at_least_one_is_named(device: str) -> None:
    with pytest.raises(OptionError, match="at least one device"):
        load_settings(device=device)
