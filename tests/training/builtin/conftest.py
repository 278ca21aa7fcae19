"""A pool of two speakers: three streams, of three clips, two and one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from locutor.training.builtin.shards import Pool

CPU = torch.device("cpu")


@pytest.fixture
def pool(tmp_path: Path, shard: Callable[..., None], clip: Any) -> Pool:
    folder = tmp_path / "shards"
    folder.mkdir()
    shard(
        folder / "a.npz",
        [
            clip(0, [1, 5, 9, 1], [2_560, 12_800, 30_000, 33_000], language=0),
            clip(0, [1, 7, 1], [2_000, 20_000, 22_000], language=1),
            clip(0, [1, 3, 4, 1], [2_000, 11_000, 25_000, 26_000], language=0),
            clip(1, [1, 8, 2, 1], [3_000, 25_000, 40_000, 42_000], language=1),
            clip(1, [1, 6, 1], [3_000, 25_000, 29_000], language=1),
        ],
        speakers=[41, 42],
    )
    shard(folder / "b.npz", [clip(0, [1, 2, 1], [2_000, 60_000, 62_000])], speakers=[43], seed=1)
    return Pool(folder, CPU, 4_000)
