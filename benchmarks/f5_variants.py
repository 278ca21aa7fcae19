"""Part of f5_gpu.py: other ways to compute a solve, each with its error and its time, so that one run decides.

A variant that is quicker than "as it is" by more than the spread, at no larger error, belongs into engines/f5.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from f5_world import guarded, relative_error, solve
from torch import Tensor

from locutor.audio.mel import FRAME_RATE
from locutor.engines.base import synthesize
from locutor.engines.f5 import ops
from locutor.engines.f5.graph import GraphPool
from locutor.engines.f5.packing import Packing
from locutor.engines.f5.runtime import Runtime
from locutor.engines.f5.sampling import draw_noise
from locutor.types import SynthesisOptions

if TYPE_CHECKING:
    from f5_world import World

Attend = Callable[[Tensor, Packing], Tensor]
ROUNDS = 15


def run(world: "World") -> None:
    """One text of 10 s, all variants in turn, round after round, so that a busy host falls on all of them."""
    spoken, n_ref = world.utterance(10.0), len(world.mel)
    torch.backends.cudnn.allow_tf32 = False
    plain = Runtime(world.network, world.device, torch.float32, ops.PLAIN)
    wanted = {steps: solve(plain, world.vocoder, [spoken], steps, None).mel(0)[n_ref:] for steps in (32, 7)}
    torch.backends.cudnn.allow_tf32 = True
    running: dict[str, Callable[[int], Any]] = {}

    def begin(name: str, attend: Attend | None, narrow: bool = False) -> str:
        runtime = _runtime(world, attend)
        pool = GraphPool(runtime) if runtime.ops.capturable else None

        def run(steps: int) -> Any:
            torch.backends.cuda.matmul.allow_fp16_accumulation = narrow  # a graph keeps what it was recorded with
            return solve(runtime, world.vocoder, [spoken], steps, pool)

        run(7)  # met once
        running[name] = run
        errors = [f"NFE {n} {relative_error(run(n).mel(0)[n_ref:], mel):.2e}" for n, mel in wanted.items()]
        return "error " + ", ".join(errors)

    for name, attend in attends(world).items():
        guarded(name, lambda name=name, attend=attend: begin(name, attend))
    guarded("sums of products in float16", lambda: begin("sums of products in float16", None, narrow=True))
    for steps in wanted:
        times: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(world.n_runs(0.2 * len(running), ROUNDS)):
            for name, run in running.items():
                world.sync()
                start = time.perf_counter()
                run(steps)
                world.sync()
                times[name].append(1e3 * (time.perf_counter() - start))
        for name, spent in times.items():
            print(f"  NFE {steps}, {name}: {statistics.median(spent):.2f} ms, least {min(spent):.2f} (n {len(spent)})")
    torch.backends.cuda.matmul.allow_fp16_accumulation = False
    if world.device.type == "cuda":
        _outside(world)


def attends(world: "World") -> dict[str, Attend | None]:
    """By name; None is the own kernel."""
    if world.device.type != "cuda":
        return {"as it is": None}
    from locutor.engines.f5 import kernels

    return {
        "as it is": None,
        "flash attention": kernels.flash_attend,
    }


def batches(world: "World") -> None:
    """Sixteen texts of 8 to 12 s in one batch of 7 steps, launched kernel by kernel, with each attention kernel."""
    spoken = [world.utterance(8 + 4 * (7 * i % 16) / 16, seed=i) for i in range(16)]
    speech_s = sum(u.n_frames - len(world.mel) for u in spoken) / FRAME_RATE
    own: list[Tensor] = []

    def measured(attend: Attend | None) -> str:
        runtime = _runtime(world, attend)
        run: Callable[[], Any] = lambda: solve(runtime, world.vocoder, spoken, 7, None)
        with torch.inference_mode():
            made = run()
            own.extend(made.mel(row) for row in range(16 if not own else 0))
            error = max(relative_error(made.mel(row), mel) for row, mel in enumerate(own))
            ms, n = world.median_ms(run, 10, 2)
        rate = 1e3 * speech_s / ms
        return f"{ms:.1f} ms (n {n}), {rate:.0f} x real time without vocoder; difference from own {error:.1e}"

    for name, attend in attends(world).items():
        guarded(name, lambda attend=attend: measured(attend))


def _runtime(world: "World", attend: Attend | None) -> Runtime:
    base = ops.choose_ops(world.device, world.half)
    return Runtime(world.network, world.device, world.half, base if attend is None else replace(base, attend=attend))


def _outside(world: "World") -> None:
    """What a call costs besides its steps, at 7 steps."""
    spoken, runtime, graphs = world.utterance(10.0), world.runtime, world.engine._graphs
    options = SynthesisOptions(nfe_step=7)
    for _ in range(3):
        synthesize(world.engine, [spoken], options)
    mel = solve(runtime, world.vocoder, [spoken], 7, graphs)
    new = mel.mel(0)[len(world.mel) :]
    state: Any = spoken.state
    parts: dict[str, Callable[[], object]] = {
        "whole call": lambda: synthesize(world.engine, [spoken], options),
        "solve": lambda: solve(runtime, world.vocoder, [spoken], 7, graphs),
        "noise on the CPU": lambda: draw_noise(spoken.n_frames, 100, 1),
        "text and reference, graph": lambda: graphs.context(state.ids, state.mel, spoken.n_frames, True),
        "text and reference, kernel by kernel": lambda: runtime.context(
            [state.ids], [state.mel], [spoken.n_frames], True
        ),
        "vocoder": lambda: world.vocoder.decode([new]),
    }
    with torch.inference_mode():
        for name, part in parts.items():
            guarded(name, lambda part=part: f"{world.median_ms(part, 15, 2)[0]:.3f} ms")
        (recorded,) = list(graphs._graphs.values())[-1:]
        guarded("one replay of the step's graph, back to back", lambda: f"{_replay_ms(recorded.graph):.3f} ms")
        x = new.T[None].float().contiguous()
        valid = torch.ones(1, 1, len(new), device=world.device)
        right = world.vocoder.decode([new])[0]
        for tf32 in (False, True):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            with torch.backends.cudnn.flags(enabled=False):
                error = relative_error(world.vocoder(x, valid)[0], right)
                us = world.device_us(lambda: world.vocoder(x, valid), 3)
            print(f"  vocoder as a graph, TF32 {tf32}: {us / 1e3:.3f} ms, difference {error:.1e}", flush=True)
        torch.backends.cuda.matmul.allow_tf32 = False


def _replay_ms(graph: Any) -> float:
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(32):
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 32)
    return statistics.median(times)
