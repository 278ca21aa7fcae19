"""Part of f5_gpu.py: other ways to compute a step, each with its error and its time, so that one run decides.

A variant that is quicker than "as it is" by more than the spread, at no larger error, belongs into engines/f5.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from f5_world import guarded, relative_error, solve
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from locutor.audio.mel import FRAME_RATE
from locutor.engines.base import synthesize
from locutor.engines.f5 import ops
from locutor.engines.f5.graph import Batch, Bucket, GraphPool, _Recorded
from locutor.engines.f5.modules import rope_frequencies, rope_table
from locutor.engines.f5.packing import Packing, packing_index
from locutor.engines.f5.runtime import Affine, Runtime
from locutor.engines.f5.sampling import draw_noise
from locutor.types import SynthesisOptions

if TYPE_CHECKING:
    from f5_products import Tiles
    from f5_world import World

Attend = Callable[[Tensor, Packing], Tensor]


@dataclass(frozen=True)
class Change:
    """attend: instead of the own kernel. tiles: of the products that end in what follows them, by name (qkv, out,
    narrow). forked: both guidance halves side by side on two streams."""

    attend: Attend | None = None
    tiles: dict[str, "Tiles"] | None = None
    forked: bool = False


class ChangedRuntime(Runtime):
    """Runtime.velocity with products that end in rotary positions or in gate and residual sum."""

    tiles: dict[str, "Tiles"]

    def velocity(self, x: Tensor, modulation: Tensor, context: Tensor, packing: Packing) -> Tensor:
        operations, vectors = self.ops, modulation.unbind(0)
        h = operations.enter(x, self._state_proj, context)
        y = operations.convolve(h, *self._convolutions[0], packing)
        h = operations.convolve(y, *self._convolutions[1], packing, added_to=h)
        y = operations.modulate(h, vectors[1], vectors[0], self.dtype)
        for i, block in enumerate(self._blocks):
            gate_a, shift_m, scale_m, gate_m = vectors[6 * i + 2 : 6 * i + 6]
            y = self._attended(y, block.qkv, packing)
            h, y = self._added("out", y, block.out, h, gate_a, scale_m, shift_m)
            y = operations.widen(y, *block.widen)
            h, y = self._added("narrow", y, block.narrow, h, gate_m, *self._next_norm(vectors, i))
        return F.linear(y, *self._proj_out)[:, : self.config.n_mels]

    def _attended(self, y: Tensor, qkv: Affine, packing: Packing) -> Tensor:
        if "qkv" not in self.tiles:
            turned = self.ops.turn(ops.head_split(F.linear(y, *qkv)), self.rope, packing, self.config.heads)
            return self.ops.attend(turned, packing)
        from f5_products import turned_qkv

        return self.ops.attend(ops.head_split(turned_qkv(y, *qkv, self.rope, packing, self.tiles["qkv"])), packing)

    def _added(
        self, name: str, y: Tensor, layer: Affine, h: Tensor, gate: Tensor, scale: Tensor, shift: Tensor
    ) -> tuple[Tensor, Tensor]:
        if name not in self.tiles:
            return self.ops.add_gated(h, F.linear(y, *layer), gate, scale, shift, self.dtype)
        from f5_products import added_product

        h = added_product(y, *layer, h, gate, self.tiles[name])
        return h, self.ops.modulate(h, scale, shift, self.dtype)


class ForkedPool(GraphPool):
    """Both guidance halves side by side, so that one fills the processors that the other's last tiles leave idle."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._side = torch.cuda.Stream(runtime.device)
        self._halves: dict[Bucket, Tensor] = {}

    def _load(self, bucket: Bucket, recorded: _Recorded, batch: Batch) -> None:
        super()._load(bucket, recorded, batch)
        self._halves[bucket].copy_(packing_index(self._half(bucket, batch.lengths)))

    def _record(self, bucket: Bucket, batch: Batch) -> _Recorded:
        self._halves[bucket] = packing_index(self._half(bucket, batch.lengths)).to(self._runtime.device)
        return super()._record(bucket, batch)

    def _half(self, bucket: Bucket, lengths: list[int]) -> list[int]:
        return replace(bucket, twins=False).lengths(lengths)

    def _stepper(self, bucket: Bucket, packing: Packing) -> Callable[[], None]:
        rows, runtime = bucket.rows, self._runtime
        half = Packing.from_index(packing.lengths[: bucket.slots], self._halves[bucket], longest=rows)
        state, context, modulation = self._state[:rows], self._context[: 2 * rows], self._modulation

        def step() -> None:
            main = torch.cuda.current_stream()
            self._side.wait_stream(main)
            with torch.cuda.stream(self._side):
                uncond = runtime.velocity(state, modulation, context[rows:], half)
            cond = runtime.velocity(state, modulation, context[:rows], half)
            main.wait_stream(self._side)
            runtime.ops.advance(state, torch.cat([cond, uncond]), self._factors)

        return step


def cudnn_attend(qkv: Tensor, packing: Packing) -> Tensor:
    """cuDNN's kernel for sequences of unequal lengths."""
    q, k, v = qkv.unbind(1)
    bounds, longest = packing.bounds, packing.longest
    y = torch.ops.aten._cudnn_attention_forward(q, k, v, None, bounds, bounds, longest, longest, True)[0]
    return y.flatten(1)


def dense_attend(qkv: Tensor, packing: Packing) -> Tensor:
    """cuDNN's kernel for two sequences of one length, the rows left over in the bucket heard as well: only to see what
    a kernel that knows no lengths would bring."""
    n = qkv.shape[0] // 2
    q, k, v = qkv.view(2, n, *qkv.shape[1:]).permute(2, 0, 3, 1, 4)
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2 * n, -1)


def run(world: "World") -> None:
    wanted = _wanted(world)
    if world.device.type != "cuda":
        _try_changes(world, {"as it is": Change()}, wanted)
        return
    from locutor.engines.f5 import kernels

    half: Attend = lambda qkv, packing: kernels.attend(qkv, packing, half_exp=True)
    changes = {
        "as it is": Change(),
        "half exponentials": Change(half),
        "cuDNN attention": Change(cudnn_attend),
        "flash attention": Change(kernels.flash_attend),
        "dense cuDNN attention": Change(dense_attend),
        "two streams": Change(forked=True),
        "two streams, half exponentials": Change(half, forked=True),
    }
    found = _try_changes(world, changes, wanted)
    _outside(world)
    attends = {"half exponentials": half, "cuDNN attention": cudnn_attend, "flash attention": kernels.flash_attend}
    best = min((name for name in attends if name in found), key=lambda name: found[name], default="")
    attend = attends[best] if best and found[best] < found["as it is"] else None
    tiles = tune(world)
    quick = {name: t for name, (t, gain) in tiles.items() if gain > 0}
    changes = {
        f"ending products {'and ' + best if attend else ''}": Change(attend, {k: t for k, (t, _) in tiles.items()}),
        f"those that gain ({', '.join(quick)})": Change(attend, quick),
        "those that gain, two streams": Change(attend, quick, forked=True),
    }
    for name, change in changes.items():
        found |= _try_changes(world, {name: change}, wanted)
    everything = {"attention alone": Change(attend), **changes}
    chosen = min(everything, key=lambda name: found.get(name, 1e9))
    print(f"throughput and the engine with: {chosen} (attention: {best if attend else 'own'})", flush=True)
    _whole(world, everything[chosen])


def batches(world: "World") -> None:
    """Sixteen texts of 8 to 12 s in one batch of 7 steps, launched kernel by kernel, with each attention kernel."""
    from locutor.engines.f5 import kernels

    spoken = [world.utterance(8 + 4 * (7 * i % 16) / 16, seed=i) for i in range(16)]
    speech_s = sum(u.n_frames - len(world.mel) for u in spoken) / FRAME_RATE
    attends = {"own": None, "flash": kernels.flash_attend}
    own: list[Tensor] = []

    def measured(attend: Attend | None) -> str:
        runtime = _runtime(world, Change(attend))
        run: Callable[[], Any] = lambda: solve(runtime, world.vocoder, spoken, 7, None)
        with torch.inference_mode():
            made = run()
            own.extend(made.mel(row) for row in range(16 if not own else 0))
            error = max(relative_error(made.mel(row), mel) for row, mel in enumerate(own))
            ms, n = world.median_ms(run, 10, 2)
        rate = 1e3 * speech_s / ms
        return f"{ms:.1f} ms (n {n}), {rate:.0f} x real time without vocoder; difference from own {error:.1e}"

    for name, attend in attends.items():
        guarded(f"{name} attention", lambda attend=attend: measured(attend))


def _runtime(world: "World", change: Change) -> Runtime:
    base = ops.choose_ops(world.device, world.half)
    runtime = ChangedRuntime(
        world.network, world.device, world.half, replace(base, attend=change.attend or base.attend)
    )
    runtime.tiles = change.tiles or {}
    return runtime


def _wanted(world: "World") -> dict[int, Tensor]:
    torch.backends.cudnn.allow_tf32 = False
    plain = Runtime(world.network, world.device, torch.float32, ops.PLAIN)
    mels = {s: solve(plain, world.vocoder, [world.utterance(10.0)], s, None).mel(0) for s in (32, 7)}
    torch.backends.cudnn.allow_tf32 = True
    return mels


def _try_changes(world: "World", changes: dict[str, Change], wanted: dict[int, Tensor]) -> dict[str, float]:
    """Milliseconds of 32 steps of those that worked, and print all."""
    found: dict[str, float] = {}
    spoken, n_ref = world.utterance(10.0), len(world.mel)

    def tried(name: str, change: Change) -> str:
        runtime = _runtime(world, change)
        pool = None
        if world.device.type == "cuda":
            pool = (ForkedPool if change.forked else GraphPool)(runtime)
            solve(runtime, world.vocoder, [spoken], 7, pool)  # met once
        told = []
        for steps, mel in wanted.items():
            error = relative_error(solve(runtime, world.vocoder, [spoken], steps, pool).mel(0)[n_ref:], mel[n_ref:])
            ms, n = world.median_ms(lambda: solve(runtime, world.vocoder, [spoken], steps, pool), 15, 2)
            found.setdefault(name, ms)
            if error > 3e-3 or error != error:
                found[name] = 1e9
            told.append(f"NFE {steps} {ms:.2f} ms (n {n}, error {error:.1e})")
        return ", ".join(told)

    for name, change in changes.items():
        guarded(name, lambda name=name, change=change: tried(name, change))
    return found


def tune(world: "World") -> dict[str, tuple["Tiles", float]]:
    """The quickest tiles of each product, and the microseconds that they gain over cuBLAS and a kernel of its own."""
    import f5_products

    from locutor.engines.f5 import kernels

    n = 64 * -(-world.frames(15.0) // 64)
    p, d = Packing.of([n, n], world.device), 1024
    rope: Any = tuple(t.to(world.device) for t in rope_table(8192, rope_frequencies()))
    gate, scale, shift = torch.randn(3, d, device=world.device)
    drawn = lambda *shape: torch.randn(*shape, device=world.device, dtype=world.half)
    best: dict[str, tuple[Tiles, float]] = {}
    for name, inner, columns in (("qkv", 1024, 3072), ("out", 1024, 1024), ("narrow", 2048, 1024)):
        x, w, b, h = drawn(2 * n, inner), drawn(columns, inner) / 32, drawn(columns), drawn(2 * n, 1024)

        def usual(name: str = name, x: Tensor = x, w: Tensor = w, b: Tensor = b, h: Tensor = h) -> Tensor:
            if name == "qkv":
                return kernels.turn(ops.head_split(F.linear(x, w, b)), rope, p, d // 64).flatten(1)
            return kernels.add_gated(h.clone(), F.linear(x, w, b), gate, scale, shift, x.dtype)[1]

        def ours(t: Any, name: str = name, x: Tensor = x, w: Tensor = w, b: Tensor = b, h: Tensor = h) -> Tensor:
            if name == "qkv":
                return f5_products.turned_qkv(x, w, b, rope, p, t)
            return kernels.modulate(f5_products.added_product(x, w, b, h, gate, t), scale, shift, x.dtype)

        clone_us = world.device_us(lambda h=h: h.clone()) if name != "qkv" else 0.0
        before_us, right = world.device_us(usual) - clone_us, usual()
        print(f"  {name}: cuBLAS and a kernel {before_us:.1f} us, the product alone "
              f"{world.device_us(lambda x=x, w=w, b=b: F.linear(x, w, b)):.1f} us", flush=True)  # fmt: skip
        for tiles in f5_products.TRIED:
            try:
                us, error = world.device_us(lambda t=tiles: ours(t)), relative_error(ours(tiles), right)
            except Exception as failure:
                print(f"    {tiles}: {type(failure).__name__} {str(failure)[:120]}", flush=True)
                continue
            print(f"    {tiles}: {us:.1f} us, difference {error:.1e}", flush=True)
            if error < 2e-3 and (name not in best or before_us - us > best[name][1]):
                best[name] = (tiles, before_us - us)
    return best


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


def _whole(world: "World", change: Change) -> None:
    """Latency of the whole engine, and speech of many requests at once, with a change."""
    engine = world.engine
    engine._runtime = _runtime(world, change)
    engine._graphs = (ForkedPool if change.forked else GraphPool)(engine._runtime)
    for steps in (32, 16, 7):
        options = SynthesisOptions(nfe_step=steps)
        ms, n = world.median_ms(lambda: synthesize(engine, [world.utterance(10.0)], options))
        print(f"  engine, NFE {steps}, 10 s: {ms:.2f} ms (n {n})", flush=True)
    options = SynthesisOptions(nfe_step=7)
    spoken = [world.utterance(8 + 4 * (7 * i % 32) / 32, seed=i) for i in range(32)]
    for size in (8, 16, 32):
        engine.info = replace(engine.info, max_batch=size)
        ms, n = world.median_ms(lambda: synthesize(engine, spoken, options), 4, 1)
        audio_s = sum(w.duration_s for w in synthesize(engine, spoken, options))
        print(f"  32 requests in batches of {size}: {1e3 * audio_s / ms:.0f}x real time (n {n})", flush=True)
