"""Which device an engine runs on, and why."""

import logging
import os
import shutil
import sysconfig
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locutor.errors import OptionError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Device:
    """name is torch's ("cpu", "cuda:0", "mps"); reason says in words why it was chosen."""

    name: str
    reason: str


def choose_device(requested: str = "auto") -> Device:
    """Turn "auto", "cpu", "cuda", "cuda:N" or "mps" into a device that exists here.

    "auto" takes the first CUDA device, else MPS, else the CPU. Anything else is taken at its word: an unknown or
    absent device raises OptionError, which names those that are here.
    """
    name = chosen_name(requested)
    described = available_devices()[name]
    return Device(name, f"auto chose {name}: {described}" if requested == "auto" else f"{described}, as asked")


def chosen_name(requested: str = "auto") -> str:
    """The name of `choose_device` alone, which takes no memory of a GPU; raises as it does."""
    available = _names()
    name = {"auto": available[0], "cuda": "cuda:0"}.get(requested, requested)
    if name not in available:
        raise OptionError(f"device {requested!r} is not available; choose one of: auto, {', '.join(available)}")
    return name


def available_devices() -> dict[str, str]:
    """Name of each usable device to its description, best first; "cpu" is always last."""
    import torch

    names = _names()
    cpu = f"CPU, {torch.get_num_threads()} threads" + ("" if len(names) > 1 else "; torch sees no GPU")
    others = {"mps": "Apple GPU", "cpu": cpu}
    return {name: others[name] if name in others else torch.cuda.get_device_name(name) for name in names}


def _names() -> list[str]:
    import torch

    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*(f"cuda:{i}" for i in range(torch.cuda.device_count())), *mps, "cpu"]


@dataclass(frozen=True)
class Precision:
    """name is torch's type of the matrix products ("float32", "float16", "bfloat16"); reason says why."""

    name: str
    reason: str


PRECISIONS = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def choose_precision(device: str, requested: str = "auto") -> Precision:
    """Turn "auto", "fp32", "fp16" or "bf16" into a type for a device. Raises OptionError for another name.

    "auto" is fp16 on CUDA devices from compute capability 8.0 (Ampere) on, which F5's public checkpoints were made to
    run in and which rounds eight times finer than bf16; elsewhere fp32.
    """
    import torch

    if requested in PRECISIONS:
        return Precision(PRECISIONS[requested], "as asked")
    if requested != "auto":
        raise OptionError(f"precision must be one of auto, {', '.join(PRECISIONS)}, not {requested!r}")
    if not device.startswith("cuda"):
        return Precision("float32", f"auto chose fp32: half precision was not measured to pay on {device}")
    major, minor = torch.cuda.get_device_capability(device)
    if major < 8:
        return Precision("float32", f"auto chose fp32: compute capability {major}.{minor} is known for NaN in fp16")
    return Precision("float16", f"auto chose fp16 for compute capability {major}.{minor}")


def multiplies_bf16(device: str) -> bool:
    """Whether this is a CPU with a unit for products of bfloat16 matrices (AMX); on others float32 is faster."""
    import torch

    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)  # PyTorch has it from 2.11 on
    return device == "cpu" and bool(capabilities().get("amx_bf16"))


def sent(tensor: "torch.Tensor", device: "torch.device | str") -> "torch.Tensor":
    """From the CPU to a device. The host need not wait for CUDA; Apple's GPU would read memory that is already given
    away (PyTorch's issue 189690)."""
    import torch

    return tensor.to(device, non_blocking=torch.device(device).type == "cuda")


def runs_triton(device: str) -> bool:
    """Whether Triton's kernels run there: a CUDA device from compute capability 8.0 on, Triton beside torch, and what
    it builds them with. When only that is missing, the log says so once."""
    import torch

    if not device.startswith("cuda") or find_spec("triton") is None:
        return False
    if torch.cuda.get_device_capability(device) < (8, 0):
        return False
    if missing := missing_for_triton():
        _warn(f"without {missing} there are no fast kernels on {device}; speech and training there take longer")
    return not missing


def missing_for_triton() -> str | None:
    """Debian's name of what Triton, and with it torch.compile on CUDA, builds the launchers of its kernels with and
    does not find here: a C compiler, Python's headers. Looks where triton/runtime/build.py does."""
    named = os.environ.get("CC")
    if not any(map(shutil.which, [named] if named else ["gcc", "clang"])):
        return "gcc"
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")
    if not Path(sysconfig.get_path("include", scheme), "Python.h").is_file():
        return "python3-dev"
    return None


@cache
def _warn(sentence: str) -> None:
    log.warning("%s", sentence)


def current_device(device: "torch.device") -> AbstractContextManager[None]:
    """Makes a CUDA device that of this thread: Triton's kernels are launched there, wherever their tensors are."""
    import torch

    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@cache
def capture_stream(device: "torch.device") -> "torch.cuda.Stream":
    """On which CUDA graphs of the device are recorded; PyTorch's own is of the first device that recorded one."""
    import torch

    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call, no-any-return]


def recording(graph: "torch.cuda.CUDAGraph", device: "torch.device", memory: Any) -> AbstractContextManager[None]:
    """Records what is launched within, in a pool of memory; other threads may use their devices meanwhile."""
    import torch

    stream = capture_stream(device)
    return torch.cuda.graph(graph, pool=memory, stream=stream, capture_error_mode="thread_local")


def set_threads(n_threads: int | None) -> None:
    """CPU threads of one operation; None leaves torch's own choice."""
    import torch

    if n_threads is not None:
        torch.set_num_threads(n_threads)
