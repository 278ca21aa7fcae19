"""Parts of f5_gpu.py: each kernel against the plain operation, alone and timed, and where the time of a step goes."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from f5_world import guarded, relative_error, solve
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from locutor.engines.f5 import ops, packing
from locutor.engines.f5.modules import rope_frequencies, rope_table
from locutor.engines.f5.packing import TILE, Packing

if TYPE_CHECKING:
    from f5_world import World

TRIED = (  # queries, keys, warps, stages
    (64, 128, 4, 2), (64, 64, 4, 3), (64, 64, 4, 4), (64, 128, 4, 3), (64, 256, 4, 1), (128, 128, 8, 2),
    (128, 64, 8, 3),
)  # fmt: skip
GROUPS = {
    "attention": r"attend|flash|fmha|cudnn.*sdpa|sdpa",
    "modulation": r"_modulate_kernel",
    "rotary": r"_turn_kernel",
    "convolution": r"_convolve_kernel|conv|cutlass.*fprop",
    "matrix products": r"gemm|cutlass|nvjet|cublas|splitK|xmma|s16816|s1688",
    "transform": r"fft",
}


def run(world: "World") -> None:
    """At the sizes of F5TTS_v1_Base, 5 s of reference and 10 s of speech, both guidance halves."""
    n = world.frames(15.0)
    with torch.inference_mode():
        _elementwise(world, Packing.of([n, n], world.device), 1024)
        _convolution(world, Packing.of([n, n], world.device), 1024)
        _attention(world, n)
        _products(world, 2 * n)


def _half(world: "World", *shape: int) -> Tensor:
    return torch.randn(*shape, device=world.device, dtype=world.half)


def _elementwise(world: "World", p: Packing, d: int) -> None:
    from locutor.engines.f5 import kernels

    r = p.n_rows
    x, y = _half(world, r, d), _half(world, r, d)
    gate, scale, shift = torch.randn(3, d, device=world.device)
    rope = tuple(t.to(world.device) for t in rope_table(8192, rope_frequencies()))
    qkv = _half(world, r, 3, d // 64, 64)

    def modulate() -> str:
        error = relative_error(kernels.modulate(x, scale, shift, x.dtype), ops.modulate(x, scale, shift, torch.float32))
        return f"error {error:.1e}, {world.device_us(lambda: kernels.modulate(x, scale, shift, x.dtype)):.1f} us"

    def add_gated() -> str:
        wanted = ops.add_gated(x.float(), y, gate, scale, shift, torch.float32)
        got = kernels.add_gated(x.clone(), y, gate, scale, shift, x.dtype)
        errors = [relative_error(a, b) for a, b in zip(got, wanted, strict=True)]
        told = f"errors {errors[0]:.1e} {errors[1]:.1e}"
        sizes = kernels.MODULATE_ROWS, kernels.MODULATE_WARPS
        for rows in (2, 4, 8):
            for warps in (2, 4, 8):
                kernels.MODULATE_ROWS, kernels.MODULATE_WARPS = rows, warps
                us = world.device_us(lambda: kernels.add_gated(x, y, gate * 0, scale, shift, x.dtype))
                told += f"; {rows} rows {warps} warps {us:.1f} us"
        kernels.MODULATE_ROWS, kernels.MODULATE_WARPS = sizes
        return told

    def turn() -> str:
        error = relative_error(kernels.turn(qkv.clone(), rope, p, d // 64), ops.turn(qkv.float(), rope, p, d // 64))
        told = f"error {error:.1e}"
        for rows in (1, 2, 4, 8):
            kernels.TURN_ROWS = rows
            told += f"; {rows} rows {world.device_us(lambda: kernels.turn(qkv, rope, p, d // 64)):.1f} us"
        kernels.TURN_ROWS = 2
        return told

    for part in (modulate, add_gated, turn):
        guarded(part.__name__, part)


def _convolution(world: "World", p: Packing, d: int) -> None:
    from locutor.engines.f5 import kernels

    x, bias = _half(world, p.n_rows, d), _half(world, d)
    weight = _half(world, d, d // 16, 31) / 44
    tapped = kernels.tap_major(weight)
    error = lambda: relative_error(
        kernels.convolve(x, tapped, bias, p, x), ops.convolve(x.float(), weight.float(), bias.float(), p, x.float())
    )
    guarded("convolve, error", lambda: f"{error():.1e}")
    for rows in (128, 256):
        for warps, stages in ((8, 2), (8, 3)):
            run = lambda r=rows, w=warps, s=stages: kernels.convolve_within(
                x, tapped, bias, p.first, p.end, rows=r, num_warps=w, num_stages=s
            )
            name = f"convolve {rows} rows {warps} warps {stages} stages"
            guarded(name, lambda run=run: f"{world.device_us(run, 5):.1f} us")
    batch = x.view(2, -1, d).transpose(1, 2).contiguous()
    theirs = lambda: F.conv1d(batch, weight, bias, padding=15, groups=16)
    guarded("cuDNN", lambda: f"{world.device_us(theirs, 3):.1f} us")


def _attention(world: "World", n: int) -> None:
    from locutor.engines.f5 import kernels

    p = Packing.of([n, n], world.device)
    qkv = _half(world, 2 * n, 3, 16, 64)
    wanted = ops.attend(qkv.float(), p)
    flops = 4 * 2 * n * n * 1024

    def measured(run: Callable[[], Tensor]) -> str:
        us = world.device_us(run)
        return f"error {relative_error(run().flatten(1), wanted):.1e}, {us:.1f} us, {flops / us / 1e6:.0f} TFLOP/s"

    guarded("flash, lengths on the device", lambda: measured(lambda: kernels.flash_attend(qkv, p)))
    padded = lambda: measured(lambda: kernels.flash_attend(qkv, replace_longest(p, 4 * n)))
    guarded("flash, told four times the length", padded)
    q, k, v = qkv.view(2, n, 3, 16, 64).permute(2, 0, 3, 1, 4)
    for backend in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION):

        def dense(backend: SDPBackend = backend) -> Tensor:
            with sdpa_kernel(backend):
                return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(0, 1).flatten(1)

        guarded(str(backend), lambda dense=dense: measured(dense))
    best: tuple[float, str] = (1e9, "")
    for tile, keys, warps, stages in TRIED:
        packing.TILE = tile
        tiled = Packing.of([n, n], world.device)
        name = f"attend {tile} queries {keys} keys {warps} warps {stages} stages"
        run = lambda k=keys, w=warps, s=stages, t=tile, p=tiled: kernels.attend(
            qkv, p, queries=t, keys=k, num_warps=w, num_stages=s
        )
        try:
            us = world.device_us(run, 5)
            print(f"  {name}: {us:.1f} us", flush=True)
            best = min(best, (us, name + ": " + measured(run)))
        except Exception as error:
            print(f"  {name}: {type(error).__name__} {str(error)[:80]}", flush=True)
    packing.TILE = TILE
    print(f"  best own kernel: {best[1]}")
    guarded("own kernel as it is set", lambda: measured(lambda: kernels.attend(qkv, p)))


def replace_longest(p: Packing, longest: int) -> Packing:
    return Packing(p.lengths, p.first, p.end, p.bounds, p.tiles, longest)


def _products(world: "World", r: int) -> None:
    from locutor.engines.f5 import kernels

    for name, width, wide in (("qkv", 1024, 3072), ("out", 1024, 1024), ("widen", 1024, 2048), ("narrow", 2048, 1024)):
        for rows in (r, 2816, 2880, r, 2816, 16 * r):
            x, w, b = _half(world, rows, width), _half(world, wide, width) / 32, _half(world, wide)
            product = (lambda: kernels.widen(x, w, b)) if name == "widen" else (lambda: F.linear(x, w, b))
            us = world.device_us(product, 10)
            told = f"{us:.1f} us, {2 * rows * width * wide / us / 1e6:.0f} TFLOP/s"
            if name == "widen":
                told += f", error {relative_error(product(), ops.widen(x.float(), w.float(), b.float())):.1e}"
            print(f"  {name} {rows} x {width} x {wide}: {told}")


def profile(world: "World") -> None:
    """Kernels and their share of the time: ours, kernel by kernel and from graphs, and upstream's."""
    spoken, graphs = world.utterance(10.0), world.engine._graphs
    made = solve(world.runtime, world.vocoder, [spoken], 32, None)
    solve(world.runtime, world.vocoder, [spoken], 7, graphs)  # met once
    runs: dict[str, Callable[[], object]] = {
        "ours, 32 steps": lambda: solve(world.runtime, world.vocoder, [spoken], 32, None),
        "ours, 32 steps, graphs": lambda: solve(world.runtime, world.vocoder, [spoken], 32, graphs),
        "ours, from the mel on": made.waveforms,
        "ours, text and reference": lambda: world.runtime.context(
            [spoken.state.ids], [spoken.state.mel], [spoken.n_frames], True
        ),
    }
    for name, run in runs.items():
        guarded(name, lambda run=run: profiled(world, torch.inference_mode()(run)))
    guarded("upstream fp16, 7 steps", lambda: _profiled_upstream(world))


def _profiled_upstream(world: "World") -> str:
    world.upstream.to(world.half)
    return profiled(world, torch.inference_mode()(lambda: world.speak_upstream(10.0, 7)))


def profiled(world: "World", run: Callable[[], object]) -> str:
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as recorded

    run()
    world.sync()
    with recorded(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        run()
        world.sync()
    counts: dict[str, int] = defaultdict(int)
    times: dict[str, float] = defaultdict(float)
    named: dict[str, list[float]] = defaultdict(list)
    for event in seen.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            group = next((g for g, pattern in GROUPS.items() if re.search(pattern, event.name, re.I)), "others")
            counts[group] += 1
            times[group] += event.device_time
            named[event.name[:110]].append(event.device_time)
    total = sum(times.values()) or 1.0
    told = f"{sum(counts.values())} launches, {total / 1e3:.2f} ms on the device in all\n"
    for group in sorted(times, key=times.__getitem__, reverse=True):
        told += f"    {times[group] / total:6.1%}  {times[group] / 1e3:8.2f} ms  {counts[group]:5} x  {group}\n"
    for kernel in sorted(named, key=lambda k: -sum(named[k]))[:20]:
        us, n = sum(named[kernel]), len(named[kernel])
        told += f"      {us / total:6.1%}  {us / 1e3:8.2f} ms  {n:5} x {us / n:7.1f} us  {kernel}\n"
    return told
