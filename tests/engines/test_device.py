import pytest
import torch

from locutor.engines.device import available_devices, choose_device, chosen_name, set_threads
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


def test_threads() -> None:
    before = torch.get_num_threads()
    try:
        set_threads(before + 1)
        assert torch.get_num_threads() == before + 1
        set_threads(None)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
