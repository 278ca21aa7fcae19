"""What the duration network learns: frames of every phoneme, at the pace heard in another clip of the voice."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.engines.builtin.duration import DurationPredictor
from locutor.training.builtin.channel import coloured, random_colour, recorded
from locutor.training.builtin.shards import Clip, Pool
from locutor.training.builtin.timbre import random_timbre

MIN_REFERENCE_FRAMES, MAX_REFERENCE_FRAMES = 190, 760


@dataclass(frozen=True)
class Batch:
    """tokens: (b, t), 0 beyond the end; frames: (b, t); language: (b,); reference: (b,) first frames in the pool."""

    tokens: Tensor
    frames: Tensor
    language: Tensor
    reference: Tensor
    n_reference: int


class DurationObjective:
    """L1 of the log durations, and of the log of each clip's whole length."""

    def __init__(self, network: DurationPredictor, pool: Pool, n_clips: int) -> None:
        self.network, self.pool, self.n_clips = network, pool, n_clips
        self.n_held_out = min(200, len(pool.clips) // 10)
        self._n_batches = 0

    def batch(self, generator: torch.Generator) -> Batch:
        self._n_batches += 1
        if self._n_batches % 100 == 0:
            self.pool.refresh(limit=8)
        return self._draw(range(self.n_held_out, len(self.pool.clips)), generator)

    def held_out(self) -> list[Batch]:
        clips = range(self.n_held_out)
        return [self._draw(clips, torch.Generator().manual_seed(k)) for k in range(4)] if clips else []

    def _draw(self, clips: range, generator: torch.Generator) -> Batch:
        chosen = torch.randint(clips.start, clips.stop, (self.n_clips,), generator=generator)
        members = [self.pool.clips[int(i)] for i in chosen]
        n = int(torch.randint(MIN_REFERENCE_FRAMES, MAX_REFERENCE_FRAMES, (), generator=generator))
        share = torch.rand(len(members), generator=generator)
        starts = [self._reference(clip, n, float(s)) for clip, s in zip(members, share, strict=True)]
        tokens = torch.nn.utils.rnn.pad_sequence([clip.tokens for clip in members], batch_first=True)
        frames = torch.nn.utils.rnn.pad_sequence(
            [clip.ends.diff(prepend=clip.ends.new_zeros(1)) for clip in members], batch_first=True
        )
        language = torch.tensor([clip.language for clip in members])
        return Batch(tokens, frames, language, torch.tensor(starts), n)

    def _reference(self, clip: Clip, n: int, share: float) -> int:
        """First frame of a window of the clip's stream, away from the clip where the stream leaves room."""
        stream = self.pool.streams[clip.stream]
        before = max(0, clip.start - stream.start - n)
        after = max(0, stream.start + stream.n_frames - clip.start - clip.n_frames - n)
        place = int(share * (before + after))
        return stream.start + place if place < before else clip.start + clip.n_frames + place - before

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        device = self.pool.device
        limit = self.pool.n_frames - batch.n_reference
        mel = self.pool.mel[self.pool.window(batch.reference.clamp(max=limit), batch.n_reference)].float()
        colour = random_colour(len(mel), mel.shape[-1], 0.5, generator)
        timbre = random_timbre(len(mel), mel.shape[-1], 0.75, generator).keeping_level(mel)
        mel = recorded(coloured(timbre(mel), colour), 0.3, generator)
        tokens, frames = batch.tokens.to(device), batch.frames.to(device).float()
        predicted = self.network(tokens, batch.language.to(device), mel).float()
        spoken = tokens != 0
        each = F.l1_loss(predicted[spoken], frames[spoken].clamp(min=0.5).log())
        total = (predicted.exp() * spoken).sum(1).log() - (frames * spoken).sum(1).log()
        return {"loss": each + total.abs().mean(), "each": each, "total": total.abs().mean()}
