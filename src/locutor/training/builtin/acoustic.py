"""What the acoustic network learns: the velocity of new frames, given their phonemes and other frames of the voice.

A batch is windows of equal length cut anywhere from the streams: the layout is aligned, so a window needs no padding.
Shapes: b batch, f frames, c mel bands.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from locutor.engines.builtin.network import AlignedDiT
from locutor.errors import OptionError
from locutor.training.builtin.channel import coloured, random_colour, recorded
from locutor.training.builtin.shards import Pool
from locutor.training.builtin.timbre import random_timbre
from locutor.training.flow import draw, flow_sample, masked_mse

# Frames of (reference, target): from 2 s + 2 s to 8 s + 12 s at 93.75 frames a second.
WINDOWS = ((192, 192), (288, 384), (480, 640), (768, 1152))


@dataclass(frozen=True)
class Batch:
    """First frames in the pool, (b,) each, and the two window lengths."""

    reference: Tensor
    target: Tensor
    n_reference: int
    n_target: int


@dataclass(frozen=True, kw_only=True)
class AcousticConfig:
    """windows: (reference, target) frames a batch may have. frames_per_batch counts both. *_drop: share of samples with
    a condition withheld. timbre, colour: share of samples in another timbre, and with a channel's tone colour.
    recording: share with a worse recording as their reference. held_out_streams: the first ones of the pool, never
    trained on."""

    windows: tuple[tuple[int, int], ...] = WINDOWS
    frames_per_batch: int = 180_000
    both_drop: float = 0.1
    reference_drop: float = 0.08
    text_drop: float = 0.05
    timbre: float = 0.75
    colour: float = 0.5
    recording: float = 0.3
    refresh_every: int = 50
    held_out_streams: int = 8


class AcousticObjective:
    """Flow matching on windows of a pool of aligned speech."""

    def __init__(self, network: AlignedDiT, pool: Pool, config: AcousticConfig) -> None:
        self.network, self.pool, self.config = network, pool, config
        self._n_batches = 0
        if len(pool.streams) <= config.held_out_streams:
            raise OptionError(
                f"{pool.folder} has {len(pool.streams)} streams, of which {config.held_out_streams} are held out: "
                "none is left to train on"
            )

    def batch(self, generator: torch.Generator) -> Batch:
        self._n_batches += 1
        if self._n_batches % self.config.refresh_every == 0:
            self.pool.refresh(limit=8)
        return self._draw(range(self.config.held_out_streams, len(self.pool.streams)), generator)

    def held_out(self) -> list[Batch]:
        streams = range(self.config.held_out_streams)
        return [self._draw(streams, torch.Generator().manual_seed(k)) for k in range(4)] if streams else []

    def _draw(self, streams: range, generator: torch.Generator) -> Batch:
        windows = self.config.windows
        n_reference, n_target = windows[int(torch.randint(len(windows), (), generator=generator))]
        b = max(1, self.config.frames_per_batch // (n_reference + n_target))
        chosen = torch.randint(streams.start, streams.stop, (b,), generator=generator)
        share = torch.rand(b, 2, generator=generator)
        start = torch.tensor([self.pool.streams[int(s)].start for s in chosen])
        length = torch.tensor([self.pool.streams[int(s)].n_frames for s in chosen])
        # Reference and target share the stream without overlap: the stream is cut in two, either part first.
        room = (length - n_reference - n_target).clamp(min=0)
        gap = (share[:, 0] * room).long()
        lead = (share[:, 1] * (room - gap)).long()
        first = torch.rand(b, generator=generator) < 0.5
        reference = torch.where(first, lead, lead + n_target + gap)
        target = torch.where(first, lead + n_reference + gap, lead)
        return Batch(start + reference, start + target, n_reference, n_target)

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        pool, config, network = self.pool, self.config, self.network
        b = len(batch.target)
        where = pool.window(batch.target, batch.n_target)
        said = pool.mel[where].float()
        heard = pool.mel[pool.window(batch.reference, batch.n_reference)].float()
        timbre = random_timbre(b, heard.shape[-1], config.timbre, generator).keeping_level(heard)
        colour = random_colour(b, heard.shape[-1], config.colour, generator)
        target = network.normalize(coloured(timbre(said), colour))
        reference = recorded(coloured(timbre(heard), colour), config.recording, generator)
        reference = network.normalize(reference)
        neither = draw(config.both_drop, b, generator)
        prefix = network.encode_reference(reference, dropped=neither | draw(config.reference_drop, b, generator))
        tokens, languages = pool.tokens[where].long(), pool.languages[where].long()
        text = network.embed_text(tokens, languages, dropped=neither | draw(config.text_drop, b, generator))
        sample = flow_sample(target, generator)
        predicted = network(sample.x, text, sample.time, prefix)
        return {"loss": masked_mse(predicted, sample.velocity)}
