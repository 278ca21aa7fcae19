"""Fine structure along frequency, which the acoustic network gives too softly, made as strong as in recordings.

A flow trained by squared errors answers the mean of what could be wherever a few steps leave it in doubt, and that is
smooth: within loud frames its log-mels depart from their neighbouring bands' average 1.0 to 1.75 times less than those
of the fourteen references that it is measured with (2026-11-29, `recipes/builtin_voice/LOG.md`). The departure is
scaled by that much, band by band.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 5  # bands in the average
# Of recordings over the network's, in tenths of the mel axis from the lowest bands up.
STRENGTHS = (1.18, 1.27, 1.45, 1.6, 1.75, 1.59, 1.4, 1.21, 1.09, 1.04)


def sharpened(mel: Tensor) -> Tensor:
    """Log-mel (n, c) -> the same, its fine structure stronger."""
    edge = NEIGHBOURS // 2
    smooth = F.avg_pool1d(F.pad(mel[None], (edge, edge), mode="replicate"), NEIGHBOURS, stride=1)[0]
    strengths = torch.tensor([[STRENGTHS]], dtype=mel.dtype, device=mel.device)
    more = F.interpolate(strengths, size=mel.shape[1], mode="linear")[0, 0] - 1
    return mel + more * (mel - smooth)
