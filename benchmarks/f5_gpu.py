"""Speed of the F5 engine on one CUDA device, beside f5-tts 1.1.22.

`python benchmarks/f5_gpu.py [--minutes M] [PART ...]`

Both get the same random F5TTS_v1_Base weights in the same process. Parts: machine, memory, upstream (first of those
that solve, since the others leave inference tensors behind), latency, first, throughput, batches, parity, variants,
compiled, training, kernels, profile. Every part prints before the next begins, and one that fails prints its traceback
and leaves the others alone. --minutes cuts repetitions, not parts. Upstream's parts need f5-tts, x-transformers,
ema-pytorch, vocos, torchdiffeq, torchaudio and accelerate importable, the others only this package.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import torch
from f5_world import REF_S, TEXT, World, guarded, relative_error, solve
from torch import Tensor

from locutor.engines.base import Utterance, synthesize
from locutor.engines.f5 import ops
from locutor.engines.f5.engine import F5Engine
from locutor.engines.f5.graph import GraphPool
from locutor.engines.f5.runtime import Runtime
from locutor.engines.f5.sampling import draw_noise
from locutor.engines.f5.tokens import Vocabulary
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

PEAK_TFLOPS = 989.0  # dense fp16 and bf16 of an H100 SXM, by its datasheet


def machine(world: World) -> None:
    print(f"{date.today()}, torch {torch.__version__}, python {sys.version.split()[0]}")
    if world.device.type != "cuda":
        return
    properties = torch.cuda.get_device_properties(world.device)
    gib = properties.total_memory / 2**30
    print(f"{properties.name}, {properties.multi_processor_count} multiprocessors, {gib:.0f} GiB")
    block = torch.empty(2**30, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(block)
    us = world.device_us(lambda: target.copy_(block), 5)
    print(f"copy {2 * 2**30 / us / 1e6:.2f} TB/s (read and written)")
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.float16) for _ in range(2))
    us = world.device_us(lambda: a @ b, 5)
    print(f"matrix product 8192^3 fp16 {2 * 8192**3 / us / 1e6:.0f} TFLOP/s")


def flops_per_step(n: int) -> float:
    """Of both guidance halves of F5TTS_v1_Base with n frames."""
    return 2 * n * (378.8e6 + 90_112 * n)


def memory(world: World) -> None:
    """Before anything else is on the device."""
    if world.device.type != "cuda":
        return
    world.network  # noqa: B018  on the CPU
    torch.cuda.empty_cache()
    base = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    print(f"precision {world.engine.precision}, ops {world.runtime.ops.name}")
    weights = torch.cuda.memory_allocated() - base
    for _ in range(3):
        synthesize(world.engine, [world.utterance(10)], SynthesisOptions(nfe_step=32))
    peaks = (base, weights, torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())
    before, engine, allocated, reserved = (f"{n / 1e6:.0f} MB" for n in peaks)
    print(f"on the device before: {before}; engine {engine}; peak, batch 1, 5 + 10 s, NFE 32: {allocated} allocated, "
          f"{reserved} reserved")  # fmt: skip


def parity(world: World) -> None:
    """Mel error of the new frames against our plain float32 path on the same device."""
    torch.backends.cudnn.allow_tf32 = False
    plain = Runtime(world.network, world.device, torch.float32, ops.PLAIN)
    n_ref = len(world.mel)
    batch = [world.utterance(10, 1), world.utterance(3, 2), world.utterance(6.5, 3)]
    variants: dict[str, Callable[[], Runtime]] = {"fp32": lambda: world.runtime}
    if world.device.type == "cuda":
        variants = _variants(world)
    for steps in (7, 32):
        wanted = solve(plain, world.vocoder, batch, steps, None).mel(0)[n_ref:]
        print(f"NFE {steps}: output std {wanted.std():.3f}")
        for name, make in variants.items():
            runtime = make()
            guarded(f"{name}, kernel by kernel", lambda: _mel_error(world, runtime, batch, steps, None, wanted))
            if runtime.ops.capturable:
                pool = GraphPool(runtime)
                _mel_error(world, runtime, batch[:1], steps, pool, wanted)  # met once
                guarded(f"{name}, graph", lambda: _mel_error(world, runtime, batch, steps, pool, wanted))
                pool.find([u.n_frames for u in batch], True)
                guarded(f"{name}, graph of three", lambda: _mel_error(world, runtime, batch, steps, pool, wanted, 3))
    torch.backends.cudnn.allow_tf32 = True


def _variants(world: World) -> dict[str, Callable[[], Runtime]]:
    return {
        "fp16": lambda: world.runtime,
        "fp16, sum in fp32": partial(Runtime, world.network, world.device, torch.float16, residual=torch.float32),
        "bf16": partial(Runtime, world.network, world.device, torch.bfloat16),
        "bf16, sum in fp32": partial(Runtime, world.network, world.device, torch.bfloat16, residual=torch.float32),
        "fp16, plain operations": partial(Runtime, world.network, world.device, torch.float16, ops.PLAIN),
    }


def _mel_error(
    world: World, runtime: Runtime, batch: list[Utterance], steps: int, pool: GraphPool | None, wanted: Tensor,
    n: int = 1,
) -> str:  # fmt: skip
    alone = solve(runtime, world.vocoder, batch[:n], steps, pool)
    together = solve(runtime, world.vocoder, batch, steps, None)
    errors = [relative_error(one.mel(0)[len(world.mel) :], wanted) for one in (alone, together)]
    moved = relative_error(together.mel(0), alone.mel(0))
    return f"error {errors[0]:.2e}, in a batch of 3 {errors[1]:.2e}, batch against this {moved:.2e}"


def latency(world: World) -> None:
    """Batch 1 from a prepared utterance to samples on the host; the engine as users get it."""
    print("steps  speech s  frames  ours ms (n)  RTF  solve only ms  step ms  share of roofline  kernel by kernel ms")
    for steps in (32, 16, 7):
        for new_s in (3.0, 10.0, 25.0):
            spoken, options = world.utterance(new_s), SynthesisOptions(nfe_step=steps)
            ms, n = world.median_ms(lambda: synthesize(world.engine, [spoken], options))
            graphs = world.engine._graphs
            solve_ms, _ = world.median_ms(lambda: solve(world.runtime, world.vocoder, [spoken], steps, graphs), 10)
            eager_ms, _ = world.median_ms(lambda: solve(world.runtime, world.vocoder, [spoken], steps, None), 5, 1)
            ideal = 1e3 * steps * flops_per_step(spoken.n_frames) / (PEAK_TFLOPS * 1e12)
            print(f"{steps:5}  {new_s:8}  {spoken.n_frames:6}  {ms:8.2f} ({n})  {ms / 1e3 / new_s:.4f}  "
                  f"{solve_ms:8.2f}  {solve_ms / steps:6.3f}  {ideal / solve_ms:.1%}  {eager_ms:8.2f}")  # fmt: skip

    if world.device.type == "cuda":
        engine = F5Engine(world.network, Vocabulary(list(world.vocab)), world.vocoder, precision="bf16")
        spoken = world.utterance(10.0)
        for steps in (32, 7):
            ms, n = world.median_ms(lambda: synthesize(engine, [spoken], SynthesisOptions(nfe_step=steps)))
            print(f"bfloat16, NFE {steps}, 10 s: {ms:.2f} ms (n {n})")


def first(world: World) -> None:
    """From a text to its first samples on the host: the first chunk is a clause of about two seconds."""
    t = torch.arange(int(24_000 * REF_S)) / 24_000
    tone = 0.3 * torch.sin(400 * torch.pi * t) * (0.6 + 0.4 * torch.sin(6 * torch.pi * t))
    voice = world.engine.encode_voice(Waveform(tone.numpy(), 24_000), TEXT[: int(15 * REF_S)])
    options = SynthesisOptions(nfe_step=7, seed=1)
    request = SpeechRequest(text=TEXT[:30], language="en", options=options, normalize=False)

    def speak() -> list[Waveform]:
        return synthesize(world.engine, [world.engine.prepare(request, voice)], options)

    (waveform,) = speak()
    ms, n = world.median_ms(speak)
    prepare_ms, _ = world.median_ms(lambda: world.engine.prepare(request, voice), 10)
    frames = world.engine.prepare(request, voice).n_frames
    print(f"first audio, NFE 7, {frames} frames, {waveform.duration_s:.2f} s of speech: {ms:.2f} ms (n {n}), "
          f"of it preparing {prepare_ms:.2f} ms")  # fmt: skip


def throughput(world: World) -> None:
    """Requests of 8 to 12 s that are all there at once."""
    options = SynthesisOptions(nfe_step=7)
    for n in (8, 32, 128) if not world.tiny else (8,):
        spoken = [world.utterance(8 + 4 * (7 * i % n) / n, seed=i) for i in range(n)]
        for size in (4, 8, 16, 32):
            if size > n:
                continue
            engine = world.engine
            engine.info = replace(engine.info, max_batch=size)
            start = time.perf_counter()
            audio_s = sum(w.duration_s for w in synthesize(engine, spoken, options))
            spent_s = time.perf_counter() - start
            if n < 128:  # once more, warm
                start = time.perf_counter()
                synthesize(engine, spoken, options)
                spent_s = time.perf_counter() - start
            peak = f", peak {torch.cuda.max_memory_allocated() / 1e9:.2f} GB" if world.device.type == "cuda" else ""
            print(f"{n} requests in batches of {size}: {audio_s:.0f} s of speech in {spent_s:.2f} s, "
                  f"{audio_s / spent_s:.0f}x real time{peak}", flush=True)  # fmt: skip


def upstream(world: World) -> None:
    """f5-tts 1.1.22 in fp32 for the comparison of results, then in fp16 as it runs by default."""
    import f5_upstream

    spoken, n_ref = world.utterance(10), len(world.mel)
    noise = draw_noise(spoken.n_frames, 100, spoken.seed)
    plain = Runtime(world.network, world.device, torch.float32, ops.PLAIN)
    torch.backends.cudnn.allow_tf32 = False
    wanted = {s: solve(plain, world.vocoder, [spoken], s, None).mel(0)[n_ref:] for s in (7, 32)}
    del plain
    for dtype in (torch.float32, world.half):
        world.upstream.to(dtype)
        for steps, mel in wanted.items():
            with torch.inference_mode(), f5_upstream.given_noise(noise):
                made, _ = world.upstream.sample(
                    cond=world.mel[None].to(world.device), text=[world.text(10)], duration=spoken.n_frames, steps=steps,
                    cfg_strength=2.0, sway_sampling_coef=-1.0,
                )  # fmt: skip
            print(f"upstream {dtype}, NFE {steps}: mel error {relative_error(made[0, n_ref:], mel):.2e}", flush=True)
    torch.backends.cudnn.allow_tf32 = True
    for steps in (32, 16, 7):
        for new_s in (3.0, 10.0, 25.0):
            ms, n = world.median_ms(lambda: world.speak_upstream(new_s, steps), 20 if new_s == 10 else 10, 2)
            print(f"upstream fp16, NFE {steps}, {new_s} s: {ms:.2f} ms (n {n}), {1e3 * new_s / ms:.0f}x real time",
                  flush=True)  # fmt: skip


def compiled(world: World) -> None:
    """f5-tts in fp16 with its blocks under torch.compile, for one length."""
    world.upstream.to(world.half)
    for block in world.upstream.transformer.transformer_blocks:
        block.compile(dynamic=False)
    start = time.perf_counter()
    world.speak_upstream(10.0, 7)
    print(f"first call with compiled blocks {time.perf_counter() - start:.1f} s")
    for steps in (32, 7):
        ms, n = world.median_ms(lambda: world.speak_upstream(10.0, steps), 20, 2)
        print(f"upstream fp16, compiled blocks, NFE {steps}, 10 s: {ms:.2f} ms (n {n})", flush=True)


def training(world: World) -> None:
    import f5_training

    f5_training.run(world)


def kernels(world: World) -> None:
    import f5_kernels

    f5_kernels.run(world)


def variants(world: World) -> None:
    import f5_variants

    f5_variants.run(world)


def batches(world: World) -> None:
    import f5_variants

    f5_variants.batches(world)


def profile(world: World) -> None:
    import f5_kernels

    f5_kernels.profile(world)


PARTS: dict[str, Callable[[World], None]] = {
    part.__name__: part
    for part in (
        machine,
        memory,
        upstream,
        latency,
        first,
        throughput,
        batches,
        parity,
        variants,
        compiled,
        training,
        kernels,
        profile,
    )  # fmt: skip
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=list(PARTS))
    parser.add_argument("--minutes", type=float, default=4.0, help="time for all parts together")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a network that a CPU can run, to try this script")
    given = parser.parse_args(arguments)
    world: Any = World(given.device, given.tiny, given.minutes)
    for name in given.parts or PARTS:
        start = time.perf_counter()
        print(f"\n== {name}", flush=True)
        try:
            PARTS[name](world)
        except Exception:
            traceback.print_exc(file=sys.stdout)
        print(f"-- {name} took {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
