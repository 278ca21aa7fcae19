"""Which device an engine runs on, and why."""

from dataclasses import dataclass

from locutor.errors import OptionError


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
    available = available_devices()
    if requested == "auto":
        name = next(iter(available))
        return Device(name, f"auto chose {name}: {available[name]}")
    name = "cuda:0" if requested == "cuda" else requested
    if name not in available:
        raise OptionError(f"device {requested!r} is not available; choose one of: auto, {', '.join(available)}")
    return Device(name, f"{available[name]}, as asked")


def available_devices() -> dict[str, str]:
    """Name of each usable device to its description, best first; "cpu" is always last."""
    import torch

    found = {f"cuda:{i}": torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())}
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    found["cpu"] = f"CPU, {torch.get_num_threads()} threads" + ("" if found else "; torch sees no GPU")
    return found


def set_threads(n_threads: int | None) -> None:
    """CPU threads of one operation; None leaves torch's own choice."""
    import torch

    if n_threads is not None:
        torch.set_num_threads(n_threads)
