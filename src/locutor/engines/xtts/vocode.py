"""From states of the language model to samples, piece by piece, equal to what the whole would give.

A piece is computed with the frames around it that its samples depend on (the vocoder's receptive field), and on the
time grid of the whole, so nothing is cross-faded and nothing is computed twice but that margin.
n: codes, t: frames, d: model channels.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.engines.device import runs_triton
from locutor.engines.xtts.config import CODE_STRIDE, LATENT_HOP, OUTPUT_SAMPLE_RATE, PROMPT_SAMPLE_RATE
from locutor.engines.xtts.hifigan import WaveformDecoder
from locutor.engines.xtts.stretch import LinearStretch

FRAMES_PER_CODE = CODE_STRIDE / LATENT_HOP
RATE_RATIO = OUTPUT_SAMPLE_RATE / PROMPT_SAMPLE_RATE


@dataclass(frozen=True)
class Window:
    """Frames (t, d) to be vocoded, of which the samples of the first `before` and the last `after` are not wanted.

    whole: the last frame is the utterance's last, so nothing may be put after it.
    """

    frames: Tensor
    before: int
    after: int
    whole: bool


class FrameStream:
    """The frames of one utterance as its states come. speed: above 1 speaks faster, by fewer frames."""

    def __init__(self, speed: float, reach: int) -> None:
        """reach: frames on either side that a frame's samples depend on."""
        scales = [1 / speed] if speed != 1 else []
        self._stages = [LinearStretch(s) for s in (*scales, FRAMES_PER_CODE, RATE_RATIO)]
        self._reach = reach
        self._frames: Tensor | None = None  # not yet vocoded, and `before` that were
        self._before = 0

    def push(self, states: Tensor, last: bool) -> Window | None:
        """Take the next states (n, d); the window that can be vocoded now, if there is one."""
        piece = states
        for stage in self._stages:
            piece = stage.push(piece, last)
        frames = piece if self._frames is None else torch.cat([self._frames, piece])
        n_ready = frames.shape[0] - self._before - (0 if last else self._reach)
        if n_ready <= 0:
            self._frames = frames
            return None
        window = Window(frames, self._before, frames.shape[0] - self._before - n_ready, last)
        done = self._before + n_ready
        kept_from = max(0, done - self._reach)
        self._frames, self._before = frames[kept_from:], done - kept_from
        return window


class Vocoder(Protocol):
    """WaveformDecoder, or the same in other operations."""

    @property
    def dtype(self) -> torch.dtype: ...

    def __call__(self, frames: Tensor, speaker: Tensor) -> Tensor: ...


def fastest(decoder: WaveformDecoder) -> Vocoder:
    """In Triton kernels on a CUDA device that can run them, else as it is."""
    if not runs_triton(str(decoder.conv_post.weight.device)):
        return decoder
    from locutor.engines.xtts.hifigan_kernels import FusedWaveformDecoder

    return FusedWaveformDecoder(decoder)


@torch.inference_mode()
def vocode(vocoder: Vocoder, windows: list[Window], speakers: list[Tensor]) -> list[Tensor]:
    """Samples of each window. speakers: (g,) each. Windows that do not end their utterance share one call, and so do
    those of one length that do."""
    samples: dict[int, Tensor] = {}
    groups: dict[int, list[int]] = defaultdict(list)
    for i, window in enumerate(windows):
        groups[len(window.frames) if window.whole else 0].append(i)
    for group in groups.values():
        longest = max(windows[i].frames.shape[0] for i in group)
        frames = torch.stack([F.pad(windows[i].frames.T, (0, longest - windows[i].frames.shape[0])) for i in group])
        told = torch.stack([speakers[i] for i in group])[..., None]
        out = vocoder(frames.to(vocoder.dtype), told.to(vocoder.dtype))
        for row, i in enumerate(group):
            window = windows[i]
            wanted = slice(window.before * LATENT_HOP, (window.frames.shape[0] - window.after) * LATENT_HOP)
            samples[i] = out[row, wanted]
    return [samples[i] for i in range(len(windows))]
