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
from functools import partial

import torch
from f5_training import FRAMES, Contender, _ours, _upstream, made, race
from f5_world import World, relative_error
from torch import Tensor, nn

from locutor.engines.f5.dit import Context, DiT
from locutor.engines.f5.layout import FILLER
from locutor.engines.f5.modules import rope_frequencies, rope_table
from locutor.engines.f5.real_frames import RealFrames
from locutor.training import loop
from locutor.training.captured import N_PLAIN, Captured
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.f5 import Batch, F5Objective, Lesson
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


def _up(n: int, step: int) -> int:
    return -(-n // step) * step


def _padded(x: Tensor, sizes: tuple[int, ...], value: float = 0) -> Tensor:
    """The first axes of x brought to these sizes."""
    out = x.new_full((*sizes, *x.shape[len(sizes) :]), value)
    out[tuple(slice(n) for n in x.shape[: len(sizes)])] = x
    return out


def padded(lesson: Lesson, lengths: list[int], bucket: Bucket) -> tuple[Tensor, ...]:
    """All that a graph reads: a Lesson's fields, of its real frames the tensors, and their rope."""
    device, (b, n) = lesson.x.device, (bucket.samples, bucket.longest)
    real = RealFrames.of(bucket.lengths(lengths), n, device)
    cos, sin = rope_table(n, rope_frequencies().to(device))
    return (
        *(_padded(x, (1, bucket.rows)) for x in (lesson.x, lesson.cond, lesson.velocity, lesson.span)),
        _padded(lesson.time, (b,)),
        _padded(lesson.rows, (b, n), FILLER),
        _padded(lesson.valid, (b, n)),
        _padded(lesson.no_text, (b,)),
        *real[:5],
        cos[real.position],
        sin[real.position],
    )


def loss_of(network: DiT, given: tuple[Tensor, ...], bucket: Bucket, kernels: bool) -> Tensor:
    """As F5Objective.loss of what `padded` gives; nothing is read back to the host, nothing drawn."""
    lesson = Lesson(*given[:8], real=RealFrames(*given[8:13], bucket.longest, kernels))
    text = network.text_embed(lesson.rows, lesson.valid, drop_text=lesson.no_text)
    projected = network.input_embed.project_context(lesson.cond, lesson.real.take(text))
    context = Context(projected, None, (given[13], given[14]), lesson.real)
    return masked_mse(network(lesson.x, lesson.time, context), lesson.velocity, counted=lesson.span)


class CapturedLearning:
    """Forward and backward of any batch, by one graph a bucket."""

    def __init__(self, objective: F5Objective) -> None:
        self._objective, self._network = objective, objective.network
        self._memory, self._captured = torch.cuda.graph_pool_handle(), dict[Bucket, Captured]()
        self._gradients = list[Tensor]()
        for parameter in self._network.parameters():  # graphs add to these very tensors
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
                self._gradients.append(parameter.grad)

    def __call__(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss, whose gradients are the network's now."""
        lengths = batch.n_frames.tolist()
        bucket = Bucket.of(lengths)
        if bucket not in self._captured:
            self._captured[bucket] = Captured(partial(self._learned, bucket), self._memory)
        torch._foreach_zero_(self._gradients)
        with torch.autocast("cuda", torch.bfloat16):  # which decides whether real frames have kernels
            lesson = self._objective.draw(batch, generator)
        return self._captured[bucket](*padded(lesson, lengths, bucket))["loss"]

    def _learned(self, bucket: Bucket, *given: Tensor) -> dict[str, Tensor]:
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            loss = loss_of(self._network, given, bucket, kernels=True)
        torch.autograd.backward(loss)
        return {"loss": loss.detach()}


def _captured(world: World, frames: int) -> Contender:
    objective, batches = made(world, frames, compiled=True)
    config = TrainConfig(max_steps=1, learning_rate=1e-5)
    optimizer, ema = loop.make_optimizer(objective.network, config, world.device), EMA(objective.network, 0.999)
    learn = CapturedLearning(objective)

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
    objective, (batch, *_) = made(world, 400 if world.tiny else 9_600)
    network = objective.network
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
