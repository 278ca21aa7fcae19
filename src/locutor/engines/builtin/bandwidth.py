"""Give a narrow-band reference (a telephone, a 16 kHz file) the upper bands that it lacks.

The networks learned from full-band speech. Empty upper bands would be copied into the new speech, where the vocoder,
which never saw them, loses the voice. Shapes: b batch, f frames, c mel bands.
"""

import torch
from torch import Tensor

MISSING = 3.0  # nepers (26 dB) below what speech has there: the band is empty
LOUD_SHARE = 0.5  # the louder half of the frames is judged
EDGE_BANDS = 6  # bands below the edge that the filling continues
FULL_BANDS = 95  # a recording that reaches here (10.5 kHz) is full-band


def fill_upper_bands(mel: Tensor, mel_mean: Tensor) -> Tensor:
    """Log-mel (b, f, c) with each frame continued above the recording's bandwidth along the shape of mean speech.

    mel_mean: (c,) the average of full-band speech. A full-band reference comes back as it is.
    """
    edge = bandwidth(mel, mel_mean)
    if not EDGE_BANDS < edge < FULL_BANDS:
        return mel
    near = slice(edge - EDGE_BANDS, edge)
    above = (mel[..., near] - mel_mean[near]).mean(-1, keepdim=True)  # (b, f, 1): this frame against the average
    filled = mel.clone()
    filled[..., edge:] = mel_mean[edge:] + above
    return filled


def bandwidth(mel: Tensor, mel_mean: Tensor) -> int:
    """Number of mel bands below the highest in which the loud frames of (b, f, c) hold speech.

    That highest band itself is not counted: the edge of the recording's filter runs through it.
    """
    frames = mel.reshape(-1, mel.shape[-1])
    level = frames.mean(-1)
    loud = frames[level >= level.quantile(1 - LOUD_SHARE)].mean(0) - mel_mean
    lower_half = loud[: len(loud) // 2].median()
    present = torch.nonzero(loud > lower_half - MISSING)
    return int(present[-1]) if len(present) else 0
