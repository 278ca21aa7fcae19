"""Speed of teaching the built-in acoustic network, and where a step's time goes.

python benchmarks/builtin_training.py [--minutes M]
python benchmarks/builtin_training.py --device cpu --toy    small batches, to see that the script works

Batches as recipes/builtin_voice/train.py has them, of noise instead of speech, one of each length. In turn: as it is,
compiled as on a GPU, and also with the wide convolutions of engines/f5/real_frames.py.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from f5_kernels import profiled
from f5_training import Contender, Given, race
from f5_world import World
from torch import Tensor

from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.builtin.network import AlignedDiT
from locutor.engines.builtin.phonemes import PHONEMES
from locutor.engines.f5.real_frames import RealFrames
from locutor.training import loop
from locutor.training.builtin.acoustic import WINDOWS, AcousticConfig, AcousticObjective, Batch
from locutor.training.builtin.shards import Pool
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.learning import learning_of

STREAM_S, N_STREAMS, CLIP_S = 45, 12, 5
FRAMES = 180_000


def write_streams(folder: Path, n: int) -> None:
    """Shards as synthesise.py writes them, of noise: clips of CLIP_S with a phoneme every 80 ms."""
    rng = np.random.default_rng(0)
    n_clips, clip = STREAM_S // CLIP_S, CLIP_S * 24_000
    ends = np.arange(1_920, clip + 1, 1_920).astype(np.int32)
    for i in range(n):
        np.savez(
            folder / f"s{i:03d}.npz",
            samples=(3_000 * rng.normal(size=n_clips * clip)).astype(np.int16),
            n_samples=np.full(n_clips, clip),
            stream=np.zeros(n_clips, int),
            speaker=np.array([i]),
            language=np.arange(n_clips).astype(np.uint8) % 2,
            tokens=rng.integers(1, len(PHONEMES), n_clips * len(ends)).astype(np.uint8),
            ends=np.tile(ends, n_clips),
            n_tokens=np.full(n_clips, len(ends)),
        )


def convolve_at_once(network: AlignedDiT) -> None:
    """Let the network's wide convolutions be those of frames end to end, by kernels on a GPU."""
    part: Any = network.conv_pos_embed
    forward = type(part).forward
    known: dict[tuple[int, int], RealFrames] = {}

    @torch.compiler.disable
    def embedded(self: Any, x: Tensor, valid: Tensor | None = None) -> Tensor:
        b, n, _ = x.shape
        if (b, n) not in known:
            known[b, n] = RealFrames.of([n] * b, n, x.device, kernels=x.is_cuda)
        with torch.autocast(x.device.type, enabled=False):
            y = forward(self, x.to(torch.bfloat16 if x.is_cuda else x.dtype).flatten(0, 1)[None], None, known[b, n])
        return y[0].unflatten(0, (b, n)).to(x.dtype)

    part.forward = MethodType(embedded, part)


def contender(world: World, pool: Pool, compiled: bool = False, convolving: bool = False) -> Contender:
    torch.manual_seed(0)
    network = AlignedDiT(NetworkConfig(n_tokens=len(PHONEMES))).to(world.device).train()
    if convolving:
        convolve_at_once(network)
    on_gpu = world.device.type == "cuda"
    frames = FRAMES // 100 if world.tiny else FRAMES
    objective = AcousticObjective(network, pool, AcousticConfig(frames_per_batch=frames, held_out_streams=0))
    config = TrainConfig(
        max_steps=1, precision="bf16" if on_gpu else "fp32", learning_rate=1e-4, compile=compiled and on_gpu
    )
    optimizer, ema = loop.make_optimizer(network, config, world.device), EMA(network, 0.999)
    learn = learning_of(objective, config)
    batches = one_of_each(objective)

    def step(k: int) -> None:
        loop.step_of(Given(objective, batches[k]), learn, optimizer, config, k)
        ema.update()

    return Contender("", step, [len(batch.target) * (batch.n_reference + batch.n_target) for batch in batches])


def one_of_each(objective: AcousticObjective) -> list[Batch]:
    """A batch of every pair of lengths."""
    found: dict[tuple[int, int], Batch] = {}
    seed = 0
    while len(found) < len(WINDOWS):
        batch = objective.batch(torch.Generator().manual_seed(seed))
        found[batch.n_reference, batch.n_target] = batch
        seed += 1
    return [found[window] for window in WINDOWS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--minutes", type=float, default=1.5, help="with compiling; three rounds at least")
    given = parser.parse_args()
    world = World(given.device, given.toy, given.minutes)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    with tempfile.TemporaryDirectory() as folder:
        write_streams(Path(folder), N_STREAMS)
        pool = Pool(Path(folder), world.device, N_STREAMS * STREAM_S * 100)
    ran = race(world, {
        "as it is": lambda: contender(world, pool),
        "compiled": lambda: contender(world, pool, compiled=True),
        "compiled, convolving at once": lambda: contender(world, pool, compiled=True, convolving=True),
    })  # fmt: skip
    for one in ran:
        ms = [1e3 * statistics.median(spent) for spent in one.times]
        told = ", ".join(f"{r} + {t}: {m:.1f}" for (r, t), m in zip(WINDOWS, ms, strict=True))
        print(f"  {one.name}: {1e3 / statistics.mean(ms):.2f} steps/s; ms by frames of reference and target: {told}")
        if world.device.type == "cuda":
            print("  " + profiled(world, lambda one=one: [one.step(k) for k in range(len(WINDOWS))]))


if __name__ == "__main__":
    main()
