"""What an F5-TTS network learns: the frames of a random span, given the rest of the clip and the text.

As upstream trains it (arXiv 2410.06885), but conditions are withheld per sample, not per batch, and nothing is
computed for padding. Shapes: b batch, n frames, m mel bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from locutor.engines.device import runs_triton
from locutor.engines.f5.dit import Context, DiT, rope_of_real
from locutor.engines.f5.layout import frame_mask, packed
from locutor.engines.f5.real_frames import RealFrames
from locutor.errors import OptionError
from locutor.training.buckets import FrameBuckets
from locutor.training.f5_lesson import Lesson, Rope, Shape, padded, unpacked
from locutor.training.flow import draw, flow_sample, masked_mse


@dataclass(frozen=True)
class Clip:
    """One recording. mel: (n, m) log-mel; ids: tokens of its text in the network's vocabulary."""

    mel: Tensor
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SpanConfig:
    """Share of a clip that is learned, and share of samples with a condition withheld (upstream's values)."""

    shortest: float = 0.7
    longest: float = 1.0
    audio_drop: float = 0.3
    both_drop: float = 0.2
    frames_per_batch: int = 38_400
    max_clips: int = 64


@dataclass(frozen=True)
class Batch:
    """mel: (b, n, m), zero beyond a clip's end; rows: (b, n) of the text embedding; n_frames: (b,)."""

    mel: Tensor
    rows: Tensor
    n_frames: Tensor


class F5Objective:
    """Flow matching on spans; the same for a network from scratch and for fine-tuning one."""

    def __init__(
        self, network: DiT, clips: Sequence[Clip], held_out: Sequence[Clip] = (), config: SpanConfig | None = None
    ) -> None:
        """Raises OptionError without clips."""
        if not clips:
            raise OptionError("there are no clips to train on")
        self.network, self.config = network, config or SpanConfig()
        self._clips, self._held_out = clips, held_out
        self._buckets = self._packed_by_frames(clips)

    def _packed_by_frames(self, clips: Sequence[Clip]) -> FrameBuckets:
        lengths = [len(clip.mel) for clip in clips]
        return FrameBuckets.of(lengths, self.config.frames_per_batch, self.config.max_clips)

    def batch(self, generator: torch.Generator) -> Batch:
        return _collate([self._clips[i] for i in self._buckets.draw(generator)])

    @property
    def n_batches(self) -> int:
        """Batches in which every clip comes once."""
        return len(self._buckets.batches)

    def batch_at(self, index: int) -> Batch:
        """One of the n_batches."""
        return _collate([self._clips[i] for i in self._buckets.batches[index]])

    def held_out(self) -> list[Batch]:
        buckets = self._packed_by_frames(self._held_out)
        return [_collate([self._held_out[i] for i in batch]) for batch in buckets.batches]

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        lesson = self.draw(batch, generator)
        return self._answered(lesson, rope_of_real(lesson.real))

    def can_be_recorded(self) -> bool:
        return _has_kernels(next(self.network.parameters()).device)

    def shaped(self, batch: Batch, generator: torch.Generator) -> tuple[Shape, tuple[Tensor, ...]]:
        """What `loss` draws of a batch, padded to one of few shapes."""
        lengths = batch.n_frames.tolist()
        shape = Shape.of(lengths)
        return shape, padded(self.draw(batch, generator), lengths, shape)

    def loss_of(self, shape: Shape, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Of what `shaped` gives; the same as `loss` but for rounding."""
        return self._answered(*unpacked(shape, tensors, _uses_kernels(tensors[0].device)))

    def _answered(self, lesson: Lesson, rope: Rope) -> dict[str, Tensor]:
        """rope: of the real frames, (r, e) each."""
        network = self.network
        text = network.text_embed(lesson.rows, lesson.valid, drop_text=lesson.no_text)
        projected = network.input_embed.project_context(lesson.cond, lesson.real.take(text))
        predicted = network(lesson.x, lesson.time, Context(projected, None, rope, lesson.real))
        return {"loss": masked_mse(predicted, lesson.velocity, counted=lesson.span)}

    def draw(self, batch: Batch, generator: torch.Generator) -> Lesson:
        """What is asked of the network, with all that is random in it."""
        device, b = generator.device, len(batch.n_frames)
        mel, rows = batch.mel.to(device), batch.rows.to(device)
        span = self._spans(batch.n_frames.to(device), mel.shape[1], generator)
        neither = draw(self.config.both_drop, b, generator)
        no_audio = neither | draw(self.config.audio_drop, b, generator)
        cond = mel.masked_fill((span | no_audio[:, None])[..., None], 0.0)
        sample = flow_sample(mel, generator)
        real = RealFrames.of(batch.n_frames.tolist(), mel.shape[1], device, kernels=_uses_kernels(device))
        return Lesson(
            x=real.take(sample.x),
            cond=real.take(cond),
            velocity=real.take(sample.velocity),
            span=real.take(span),
            time=sample.time,
            rows=rows,
            valid=frame_mask(batch.n_frames.tolist()).to(device)[..., None].to(mel.dtype),
            no_text=neither,
            real=real,
        )

    def _spans(self, n_frames: Tensor, longest: int, generator: torch.Generator) -> Tensor:
        """(b, n) bool: one stretch of each clip, of a random share of its length, anywhere in it."""
        share = torch.rand(2, len(n_frames), generator=generator, device=n_frames.device)
        low, high = self.config.shortest, self.config.longest
        length = ((low + (high - low) * share[0]) * n_frames).long().clamp(min=1)
        start = (share[1] * (n_frames - length + 1)).long()
        frame = torch.arange(longest, device=n_frames.device)[None]
        return (frame >= start[:, None]) & (frame < (start + length)[:, None])


def _uses_kernels(device: torch.device) -> bool:
    """Whether RealFrames uses kernels, which are for half precision."""
    return torch.is_autocast_enabled("cuda") and _has_kernels(device)


@cache
def _has_kernels(device: torch.device) -> bool:
    """Triton's, and PyTorch's attention for unequal lengths, which is there from 2.10 on."""
    return find_spec("torch.nn.attention.varlen") is not None and runs_triton(str(device))


def _collate(clips: Sequence[Clip]) -> Batch:
    n = max(len(clip.mel) for clip in clips)
    return Batch(
        mel=pad_sequence([clip.mel for clip in clips], batch_first=True),
        rows=torch.stack([packed(clip.ids[: len(clip.mel)], n) for clip in clips]),
        n_frames=torch.tensor([len(clip.mel) for clip in clips]),
    )
