"""How long each phoneme of a text lasts, in whole mel frames."""

import torch
from torch import Tensor

from locutor.audio.mel import FRAME_RATE
from locutor.engines.builtin.duration import DurationPredictor

EDGE_FRAMES = (4, 14)  # shortest and longest silence before and after a text: 0.04 s to 0.15 s
PHONEME_FRAMES = (1, 60)  # within which a phoneme or pause is believed


@torch.inference_mode()
def phoneme_ends(
    predictor: DurationPredictor, tokens: list[int], language: int, ref_mel: Tensor, speed: float
) -> list[int]:
    """End of each token in frames, at the pace of the reference (1, f, c) log-mel, `speed` times as fast."""
    device = ref_mel.device
    given = torch.tensor([tokens], device=device)
    frames = predictor(given, torch.tensor([language], device=device), ref_mel)[0].float().exp()
    frames = frames.clamp(*PHONEME_FRAMES)
    frames[0], frames[-1] = frames[0].clamp(*EDGE_FRAMES), frames[-1].clamp(*EDGE_FRAMES)
    return _whole(frames / speed)


def stretched(ends: list[int], duration_s: float) -> list[int]:
    """The same proportions over another whole length; at least one frame a token."""
    n_frames = max(len(ends), round(duration_s * FRAME_RATE))
    lengths = torch.tensor([0, *ends]).diff().float()
    return _whole(lengths * (n_frames / lengths.sum()))


def _whole(frames: Tensor) -> list[int]:
    """Ends as whole frames: rounding the running sum keeps the total, every token getting at least one frame.

    Only where there are fewer frames than tokens does the total grow, to one frame a token.
    """
    rounded = [int(end) for end in frames.cumsum(0).round().tolist()]
    n, total = len(rounded), max(len(rounded), rounded[-1])
    ends: list[int] = []
    for i, end in enumerate(rounded):
        earliest, latest = (ends[-1] if ends else 0) + 1, total - (n - 1 - i)
        ends.append(min(max(end, earliest), latest))
    return ends
