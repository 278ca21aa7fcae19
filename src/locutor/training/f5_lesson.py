"""What an F5-TTS network is asked at a training step, and the same padded to one of few shapes.

Rows of nobody, which no answer counts of, make a sample of their own; samples without a frame fill up the number. So
every batch of a shape can be learned by one recorded graph (learning.py). Shapes: b samples of at most n frames, r real
frames of all of them, m mel bands, e width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from torch import Tensor

from locutor.engines.f5.dit import rope_of_real
from locutor.engines.f5.graph import bucket_rows
from locutor.engines.f5.layout import FILLER
from locutor.engines.f5.real_frames import RealFrames

FINENESS = 32  # finer than the buckets of a solve: a shape comes again and again, and all of its rows are computed
Rope: TypeAlias = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Lesson:
    """What a network is asked, and the answer.

    x, cond, velocity: (1, r, m), state, reference and answer of the real frames. span: (1, r) bool, where the answer
    counts. time: (b,). rows, valid: (b, n) and (b, n, 1), the padded text and which of its frames are real. no_text:
    (b,) bool, whose text is withheld.
    """

    x: Tensor
    cond: Tensor
    velocity: Tensor
    span: Tensor
    time: Tensor
    rows: Tensor
    valid: Tensor
    no_text: Tensor
    real: RealFrames


class Shape(NamedTuple):
    """rows: of all samples together. samples: their number, with the last one, of rows that are left over. longest:
    frames that text is padded to, and no sample has more."""

    rows: int
    samples: int
    longest: int

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Shape":
        """With less than a thirty-second more rows than there are, or 16."""
        n_rows, n_samples = sum(lengths), len(lengths)
        rows = bucket_rows(n_rows, FINENESS)
        samples = _up(n_samples, max(1, 1 << n_samples.bit_length() >> 3))
        return cls(rows, samples + 1, _up(max(*lengths, rows - n_rows), 256))

    def lengths(self, lengths: Sequence[int]) -> list[int]:
        """Of all its samples."""
        return [*lengths, *[0] * (self.samples - 1 - len(lengths)), self.rows - sum(lengths)]


def _up(n: int, step: int) -> int:
    return -(-n // step) * step


def padded(lesson: Lesson, lengths: Sequence[int], shape: Shape) -> tuple[Tensor, ...]:
    """All tensors of the lesson in this shape, and its rope; lengths: of its samples."""
    b, n = shape.samples, shape.longest
    real = RealFrames.of(shape.lengths(lengths), n, lesson.x.device)
    cos, sin = rope_of_real(real)
    return (
        *(_filled(x, 1, shape.rows) for x in (lesson.x, lesson.cond, lesson.velocity, lesson.span)),
        _filled(lesson.time, b),
        _filled(lesson.rows, b, n, value=FILLER),
        _filled(lesson.valid, b, n),
        _filled(lesson.no_text, b),
        *(real.place, real.sample, real.first, real.end, real.bounds, cos, sin),
    )


def unpacked(shape: Shape, tensors: Sequence[Tensor], kernels: bool) -> tuple[Lesson, Rope]:
    """The lesson that `padded` made these tensors of, and its rope. kernels: see RealFrames."""
    x, cond, velocity, span, time, rows, valid, no_text, place, sample, first, end, bounds, cos, sin = tensors
    real = RealFrames(place, sample, first, end, bounds, shape.longest, kernels)
    return Lesson(x, cond, velocity, span, time, rows, valid, no_text, real), (cos, sin)


def _filled(x: Tensor, *sizes: int, value: float = 0) -> Tensor:
    """The first axes of x brought to these sizes."""
    out = x.new_full((*sizes, *x.shape[len(sizes) :]), value)
    out[tuple(slice(n) for n in x.shape[: len(sizes)])] = x
    return out
