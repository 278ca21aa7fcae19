"""Steps a second of teaching the built-in acoustic network, and where their time goes.

python benchmarks/builtin_training.py [--seconds S]
python benchmarks/builtin_training.py --device cpu --toy    small batches, to see that the script works

Batches as recipes/builtin_voice/train.py has them, of noise instead of speech, of every length in turn. Variants take
their steps in turn: as it is, compiled as on a GPU, and also with the wide convolutions of engines/f5/real_frames.py.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src")]

from locutor.engines.builtin.config import NetworkConfig  # noqa: E402
from locutor.engines.builtin.network import AlignedDiT  # noqa: E402
from locutor.engines.builtin.phonemes import PHONEMES  # noqa: E402
from locutor.engines.f5.real_frames import RealFrames  # noqa: E402
from locutor.training import loop  # noqa: E402
from locutor.training.builtin.acoustic import WINDOWS, AcousticConfig, AcousticObjective  # noqa: E402
from locutor.training.builtin.shards import Pool  # noqa: E402
from locutor.training.compiled import compile_blocks  # noqa: E402
from locutor.training.config import TrainConfig  # noqa: E402
from locutor.training.ema import EMA  # noqa: E402

STREAM_S, N_STREAMS, CLIP_S = 45, 12, 5
SHOWN = 25


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
    part: nn.Module = network.conv_pos_embed
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


def stepper(
    pool: Pool, device: torch.device, scale: float, compiled: bool, convolving: bool
) -> tuple[Callable[[int], None], list[int]]:
    """What does step k, of as many kinds as there are windows, and the frames of each kind."""
    torch.manual_seed(0)
    network = AlignedDiT(NetworkConfig(n_tokens=len(PHONEMES))).to(device).train()
    if convolving:
        convolve_at_once(network)
    if compiled:
        compile_blocks(network)
    config = AcousticConfig(frames_per_batch=int(180_000 * scale), held_out_streams=0)
    objective = AcousticObjective(network, pool, config)
    settings = TrainConfig(max_steps=1, precision="bf16" if device.type == "cuda" else "fp32", learning_rate=1e-4)
    optimizer, ema = loop.make_optimizer(network, settings, device), EMA(network, 0.999)
    batches: dict[tuple[int, int], Any] = {}
    for seed in range(200):
        batch = objective.batch(torch.Generator().manual_seed(seed))
        batches.setdefault((batch.n_reference, batch.n_target), batch)
    given = [batches[window] for window in WINDOWS]
    holder: Any = type("Given", (), {"network": network, "loss": staticmethod(objective.loss)})()

    def step(k: int) -> None:
        holder.batch = lambda generator: given[k]
        loop._step(holder, optimizer, settings, k, device)
        ema.update(network)

    return step, [len(batch.target) * (batch.n_reference + batch.n_target) for batch in given]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def profiled(name: str, step: Callable[[int], None], kinds: int) -> None:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        for k in range(kinds):
            step(k)
        torch.cuda.synchronize()
    spent: dict[str, list[float]] = defaultdict(list)
    for event in seen.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            spent[event.name[:110]].append(event.device_time)
    total = sum(map(sum, spent.values()))
    print(
        f"{name}: {total / 1e3 / kinds:.1f} ms on the device a step, {sum(map(len, spent.values())) // kinds} launches"
    )
    for kernel in sorted(spent, key=lambda k: -sum(spent[k]))[:SHOWN]:
        us, n = sum(spent[kernel]), len(spent[kernel])
        print(f"  {us / total:6.1%}  {us / 1e3 / kinds:7.2f} ms  {n // kinds:5} x {us / n:8.1f} us  {kernel}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--seconds", type=float, default=30, help="for the steps, compiling apart")
    given = parser.parse_args()
    device, scale = torch.device(given.device), 0.01 if given.toy else 1.0
    gpu = device.type == "cuda"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    with tempfile.TemporaryDirectory() as folder:
        write_streams(Path(folder), N_STREAMS)
        pool = Pool(Path(folder), device, N_STREAMS * STREAM_S * 100)
        running: dict[str, Callable[[int], None]] = {}
        frames: list[int] = []
        for name, compiled, convolving in (
            ("as it is", False, False), ("compiled", gpu, False), ("compiled, convolving at once", gpu, True),
        ):  # fmt: skip
            start = time.perf_counter()
            running[name], frames = stepper(pool, device, scale, compiled, convolving)
            for k in range(len(WINDOWS)):
                running[name](k)
            wait(device)
            print(f"{name}: first {len(WINDOWS)} steps {time.perf_counter() - start:.1f} s", flush=True)
        times: dict[str, list[list[float]]] = {name: [[] for _ in WINDOWS] for name in running}
        end = time.monotonic() + given.seconds
        while time.monotonic() < end or not times["as it is"][0]:
            for name, step in running.items():
                for k in range(len(WINDOWS)):
                    wait(device)
                    start = time.perf_counter()
                    step(k)
                    wait(device)
                    times[name][k].append(time.perf_counter() - start)
        for name, spent in times.items():
            ms = [1e3 * statistics.median(s) for s in spent]
            told = ", ".join(f"{r} + {t}: {m:.1f}" for (r, t), m in zip(WINDOWS, ms, strict=True))
            rate = 1e3 * sum(frames) / sum(ms)
            print(
                f"{name}: {1e3 * len(ms) / sum(ms):.2f} steps/s, {rate:,.0f} frames/s; ms by window: {told}", flush=True
            )
        for name, step in running.items():
            if gpu:
                profiled(name, step, len(WINDOWS))


if __name__ == "__main__":
    main()
