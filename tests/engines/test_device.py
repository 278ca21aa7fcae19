import logging
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch

from locutor.engines import device as devices
from locutor.engines.device import (
    available_devices,
    choose_device,
    chosen_name,
    missing_for_triton,
    runs_triton,
    sent,
    set_threads,
)
from locutor.errors import OptionError


def test_auto_says_what_it_chose() -> None:
    device = choose_device("auto")
    assert device.name == next(iter(available_devices())) == chosen_name("auto")
    assert device.reason.startswith(f"auto chose {device.name}: ")


def test_cpu_is_always_there() -> None:
    assert choose_device("cpu").name == "cpu"
    assert list(available_devices())[-1] == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "", "cuda:x", "CPU"])
def test_unknown_or_absent(name: str) -> None:
    with pytest.raises(OptionError, match=f"device {name!r} is not available; choose one of: auto, .*cpu"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_silent_fallback_to_the_cpu() -> None:
    with pytest.raises(OptionError, match="'cuda' is not available"):
        choose_device("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_is_the_first_one() -> None:
    assert choose_device("cuda").name == choose_device("auto").name == "cuda:0"


def test_only_cuda_is_sent_to_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: dict[str, bool] = {}

    def to(self: torch.Tensor, device: torch.device | str, non_blocking: bool) -> torch.Tensor:
        waited[str(device)] = not non_blocking
        return self

    monkeypatch.setattr(torch.Tensor, "to", to)
    for device in ("cpu", "mps", torch.device("cuda:1"), "cuda"):
        sent(torch.zeros(1), device)
    assert waited == {"cpu": True, "mps": True, "cuda:1": False, "cuda": False}


def test_threads() -> None:
    before = torch.get_num_threads()
    try:
        set_threads(before + 1)
        assert torch.get_num_threads() == before + 1
        set_threads(None)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_what_triton_needs_besides_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {"gcc": "/usr/bin/gcc"}
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", found.get)
    monkeypatch.setattr(sysconfig, "get_path", lambda name, scheme: str(tmp_path))
    assert missing_for_triton() == "python3-dev"
    (tmp_path / "Python.h").touch()
    assert missing_for_triton() is None
    found.clear()
    assert missing_for_triton() == "gcc"
    monkeypatch.setenv("CC", "mycc")
    found["gcc"] = "/usr/bin/gcc"
    assert missing_for_triton() == "gcc"  # the one that is named is not there
    found["mycc"] = "/opt/mycc"
    assert missing_for_triton() is None


def test_a_gpu_without_a_compiler_runs_no_kernels_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    missing: str | None = "gcc"
    monkeypatch.setattr(devices, "find_spec", lambda name: object())
    monkeypatch.setattr(devices, "missing_for_triton", lambda: missing)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    devices._warn.cache_clear()
    with caplog.at_level(logging.WARNING, "locutor"):
        assert not runs_triton("cuda:0") and not runs_triton("cuda:0") and not runs_triton("cpu")
    assert [r.getMessage() for r in caplog.records] == [
        "without gcc there are no fast kernels on cuda:0; speech and training there take longer"
    ]
    missing = None
    assert runs_triton("cuda:0")
