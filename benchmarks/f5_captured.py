"""Candidate of f5_training.py, which no GPU has run yet: steps of F5 as CUDA graphs by buckets of frames.

python benchmarks/f5_captured.py [--minutes M]          on a GPU: what graphs give, and a race
python benchmarks/f5_captured.py --device cpu --toy     losses and gradients of padded lessons against plain ones

A lesson is padded to a bucket: rows of nobody make a sample of their own, empty samples fill up the number. One graph
of a bucket then does forward and backward of whatever is copied into its inputs; drawing, clipping, optimizer and
average stay outside. All graphs share one pool of memory, for nothing of a step outlives it but gradients, which lie
elsewhere.
"""

import argparse
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from f5_training import FRAMES, Contender, _batches, _ours, _upstream, clips, race
from f5_world import World, relative_error
from torch import Tensor, nn

from locutor.engines.f5.dit import Context, DiT
from locutor.engines.f5.layout import FILLER
from locutor.engines.f5.modules import rope_frequencies, rope_table
from locutor.engines.f5.real_frames import RealFrames
from locutor.training import loop
from locutor.training.captured import N_PLAIN
from locutor.training.compiled import compile_blocks
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.f5 import Batch, F5Objective, Lesson, SpanConfig
from locutor.training.flow import masked_mse

ROWS, LONGEST = 1024, 512  # a bucket's rows and the length that its samples are padded to are multiples of these


@dataclass(frozen=True)
class Bucket:
    """rows: of all samples together. samples: their number, with the last one, which takes the rows that are left over.
    longest: frames that text is padded to."""

    rows: int
    samples: int
    longest: int

    @classmethod
    def of(cls, lengths: list[int], rows: int = ROWS, longest: int = LONGEST, samples: int | None = None) -> "Bucket":
        """samples: by default, room for the next power of two of them."""
        slots = (1 << (len(lengths) - 1).bit_length()) if samples is None else samples
        return cls(_up(sum(lengths), rows), slots + 1, max(_up(max(lengths), longest), rows))

    def lengths(self, lengths: list[int]) -> list[int]:
        return [*lengths, *[0] * (self.samples - 1 - len(lengths)), self.rows - sum(lengths)]


class Inputs(NamedTuple):
    """Everything of a padded lesson that a graph reads; cos, sin: (r, e) of its frames' positions."""

    x: Tensor
    cond: Tensor
    velocity: Tensor
    span: Tensor
    time: Tensor
    rows: Tensor
    valid: Tensor
    no_text: Tensor
    place: Tensor
    sample: Tensor
    first: Tensor
    end: Tensor
    bounds: Tensor
    cos: Tensor
    sin: Tensor


def _up(n: int, step: int) -> int:
    return -(-n // step) * step


def _padded(x: Tensor, sizes: tuple[int, ...], value: float = 0) -> Tensor:
    """The first axes of x brought to these sizes."""
    out = x.new_full((*sizes, *x.shape[len(sizes) :]), value)
    out[tuple(slice(n) for n in x.shape[: len(sizes)])] = x
    return out


def padded(lesson: Lesson, lengths: list[int], bucket: Bucket) -> Inputs:
    device, (b, n) = lesson.x.device, (bucket.samples, bucket.longest)
    real = RealFrames.of(bucket.lengths(lengths), n, device, kernels=lesson.real.kernels)
    cos, sin = rope_table(n, rope_frequencies().to(device))
    return Inputs(
        x=_padded(lesson.x, (1, bucket.rows)),
        cond=_padded(lesson.cond, (1, bucket.rows)),
        velocity=_padded(lesson.velocity, (1, bucket.rows)),
        span=_padded(lesson.span, (1, bucket.rows)),
        time=_padded(lesson.time, (b,)),
        rows=_padded(lesson.rows, (b, n), FILLER),
        valid=_padded(lesson.valid, (b, n)),
        no_text=_padded(lesson.no_text, (b,)),
        place=real.place,
        sample=real.sample,
        first=real.first,
        end=real.end,
        bounds=real.bounds,
        cos=cos[real.position],
        sin=sin[real.position],
    )


def loss_of(network: DiT, given: Inputs, bucket: Bucket, kernels: bool) -> Tensor:
    """As F5Objective.loss; nothing is read back to the host, nothing drawn."""
    real = RealFrames(given.place, given.sample, given.first, given.end, given.bounds, bucket.longest, kernels)
    text = network.text_embed(given.rows, given.valid, drop_text=given.no_text)
    projected = network.input_embed.project_context(given.cond, real.take(text))
    context = Context(projected, None, (given.cos, given.sin), real)
    return masked_mse(network(given.x, given.time, context), given.velocity, counted=given.span)


class Recorded:
    """Forward and backward of lessons of one bucket: three times as they are, then from a graph."""

    def __init__(self, network: DiT, bucket: Bucket, stream: Any, memory: Any) -> None:
        self._network, self._bucket, self._stream, self._memory = network, bucket, stream, memory
        self._graph = torch.cuda.CUDAGraph()
        self._n_calls, self._inputs, self._loss = 0, None, torch.zeros(())

    def __call__(self, inputs: Inputs) -> Tensor:
        """The loss, whose gradients were added to the network's."""
        self._n_calls += 1
        if self._n_calls <= N_PLAIN:
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                loss = self._learned(inputs)
            torch.cuda.current_stream().wait_stream(self._stream)
            return loss
        if self._inputs is None:
            self._inputs = Inputs(*(tensor.clone() for tensor in inputs))
            with torch.cuda.graph(self._graph, pool=self._memory, stream=self._stream):
                self._loss = self._learned(self._inputs)
        for kept, new in zip(self._inputs, inputs, strict=True):
            kept.copy_(new)
        self._graph.replay()
        return self._loss

    def _learned(self, inputs: Inputs) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            loss = loss_of(self._network, inputs, self._bucket, kernels=True)
        torch.autograd.backward(loss)
        return loss.detach()


class CapturedLearning:
    """Forward and backward of any batch, by one graph a bucket."""

    def __init__(self, objective: F5Objective) -> None:
        self._objective, self._network = objective, objective.network
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._memory, self._recorded = torch.cuda.graph_pool_handle(), dict[Bucket, Recorded]()
        self._trained = [p for p in self._network.parameters() if p.requires_grad]
        for parameter in self._trained:  # graphs add to these very tensors
            parameter.grad = torch.zeros_like(parameter)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Tensor:
        lengths = batch.n_frames.tolist()
        bucket = Bucket.of(lengths)
        if bucket not in self._recorded:
            self._recorded[bucket] = Recorded(self._network, bucket, self._stream, self._memory)
        torch._foreach_zero_([p.grad for p in self._trained if p.grad is not None])
        with torch.autocast("cuda", torch.bfloat16):  # which decides whether real frames have kernels
            lesson = self._objective.draw(batch, generator)
        return self._recorded[bucket](padded(lesson, lengths, bucket))


def _captured(world: World, frames: int) -> Contender:
    network = DiT(world.network.config, len(world.vocab))
    network.load_state_dict(world.network.state_dict())
    network.to(world.device).train()
    compile_blocks(network)
    objective = F5Objective(network, clips(world), config=SpanConfig(frames_per_batch=frames))
    config = TrainConfig(max_steps=1, learning_rate=1e-5)
    optimizer, ema = loop.make_optimizer(network, config, world.device), EMA(network, 0.999)
    batches, learn = _batches(objective), CapturedLearning(objective)

    def step(k: int) -> None:
        learn(batches[k], loop.step_generators(config.seed, k, world.device)[1])
        nn.utils.clip_grad_norm_(loop.trained_by(optimizer), config.clip_norm)
        optimizer.step()
        ema.update()

    for k in range(len(batches)):
        for _ in range(N_PLAIN):
            step(k)
    return Contender("", step, [int(b.n_frames.sum()) for b in batches])


def compare(world: World) -> None:
    """Loss and gradients of one batch, plain and padded; on a GPU also from the graph, twice."""
    network = DiT(world.network.config, len(world.vocab))
    network.load_state_dict(world.network.state_dict())
    network.to(world.device).train()
    objective = F5Objective(network, clips(world), config=SpanConfig(frames_per_batch=400 if world.tiny else 9_600))
    batch = _batches(objective)[0]
    lengths = batch.n_frames.tolist()

    def gradients() -> Tensor:
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    def generator() -> torch.Generator:
        return torch.Generator(world.device).manual_seed(3)

    on_gpu = world.device.type == "cuda"
    with torch.autocast(world.device.type, torch.bfloat16, enabled=on_gpu):
        loss = objective.loss(batch, generator())["loss"]
    torch.autograd.backward(loss)
    wanted = gradients().clone()
    if on_gpu:
        learn = CapturedLearning(objective)
        for k in range(N_PLAIN + 2):
            got = learn(batch, generator())
            print(f"  call {k}: loss {got.item():.6f}, plain {loss.item():.6f}; gradients differ by "
                  f"{relative_error(gradients(), wanted):.1e}")  # fmt: skip
        return
    network.zero_grad()
    bucket = Bucket.of(lengths, rows=64, longest=32, samples=len(lengths))  # empty samples are for kernels alone
    lesson = objective.draw(batch, generator())
    got = loss_of(network, padded(lesson, lengths, bucket), bucket, kernels=False)
    torch.autograd.backward(got)
    print(f"  {sum(lengths)} frames in {bucket}: loss {got.item():.6f}, plain {loss.item():.6f}; gradients differ by "
          f"{relative_error(gradients(), wanted):.1e}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--minutes", type=float, default=2.0, help="with compiling; three rounds at least")
    given = parser.parse_args()
    world = World(given.device, given.toy, given.minutes)
    compare(world)
    if world.device.type == "cuda":
        torch._dynamo.config.recompile_limit = 64
        frames = FRAMES if not world.tiny else 400
        race(world, {
            "upstream": lambda: _upstream(world, frames),
            "ours, compiled": lambda: _ours(world, frames, compiled=True),
            "ours, compiled, from graphs": lambda: _captured(world, frames),
        })  # fmt: skip


if __name__ == "__main__":
    main()
