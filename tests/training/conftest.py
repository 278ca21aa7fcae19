"""A toy objective, shards made by hand, and one thread for networks too small to share."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn


@dataclass
class Line:
    """Fits y = 3 x - 2 from noisy points; `fail_at` and `poison_at` name draws that go wrong."""

    network: nn.Module
    fail_at: int | None = None
    poison_at: int | None = None
    n_drawn: int = 0
    seen: list[Tensor] = field(default_factory=list)

    def batch(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        self.n_drawn += 1
        if self.n_drawn == self.fail_at:
            raise KeyboardInterrupt
        x = torch.randn(16, 1, generator=generator)
        if self.n_drawn == self.poison_at:
            x[3] = float("nan")
        return x, 3 * x - 2

    def loss(self, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        x, y = batch
        noise = 0.1 * torch.randn(y.shape, generator=generator)
        if not self.network.training:
            self.seen.append(next(self.network.parameters()).detach().clone())
        error = (self.network(x) - y - noise).square().mean()
        return {"loss": error, "double": 2 * error}

    def held_out(self) -> list[tuple[Tensor, Tensor]]:
        x = torch.linspace(-1, 1, 8)[:, None]
        return [(x, 3 * x - 2), (2 * x, 6 * x - 2)]


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 1))


@pytest.fixture
def line() -> Callable[..., Line]:
    return lambda **changes: Line(small(), **changes)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class ShardClip:
    stream: int
    tokens: list[int]
    ends: list[int]  # samples
    language: int = 0


def write_shard(path: Path, clips: list[ShardClip], speakers: list[int], seed: int = 0) -> None:
    """A shard as recipes/builtin_voice/synthesise.py writes them; every token is a tone of its own pitch."""
    rng = np.random.default_rng(seed)
    samples = []
    for clip in clips:
        which = np.searchsorted(clip.ends, np.arange(clip.ends[-1]), side="right")
        hz = 150.0 * np.array(clip.tokens)[which]
        tone = 0.2 * np.sin(2 * np.pi * np.cumsum(hz) / 24_000) + 0.001 * rng.standard_normal(which.size)
        samples.append((tone * 32767).astype(np.int16))
    np.savez(
        path,
        samples=np.concatenate(samples),
        n_samples=np.array([s.size for s in samples]),
        stream=np.array([clip.stream for clip in clips]),
        speaker=np.array(speakers),
        language=np.array([clip.language for clip in clips], np.uint8),
        tokens=np.concatenate([np.array(clip.tokens, np.uint8) for clip in clips]),
        ends=np.concatenate([np.array(clip.ends, np.int32) for clip in clips]),
        n_tokens=np.array([len(clip.tokens) for clip in clips]),
    )


@pytest.fixture
def shard() -> Callable[..., None]:
    return write_shard


@pytest.fixture
def clip() -> type[ShardClip]:
    return ShardClip


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """The small XTTS network of its goldens; tests are not a package, so it is loaded by its path."""
    spec = importlib.util.spec_from_file_location("xtts_kit", Path(__file__).parents[1] / "engines/xtts/kit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
