"""HiFi-GAN (arXiv 2010.05646) that turns states of the language model into sound, told the speaker at every level.

b: batch, d: model channels, t: frames, g: speaker channels. Weight norm is folded into the weights when they are read.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.xtts.config import XttsConfig

SLOPE = 0.1
LAST_SLOPE = 0.01  # upstream's default where it gives none
EDGE_KERNEL = 7


class ResBlock(nn.Module):
    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class WaveformDecoder(nn.Module):
    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        top, g = config.vocoder_channels, config.speaker_dim
        widths = [top // 2 ** (i + 1) for i in range(len(config.upsample_rates))]
        self.n_kernels = len(config.resblock_kernels)
        self.conv_pre = nn.Conv1d(config.n_model_channels, top, EDGE_KERNEL, padding=EDGE_KERNEL // 2)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(2 * width, width, kernel, rate, padding=(kernel - rate) // 2)
            for width, kernel, rate in zip(widths, config.upsample_kernels, config.upsample_rates, strict=True)
        )
        self.resblocks = nn.ModuleList(
            ResBlock(width, kernel, config.resblock_dilations) for width in widths for kernel in config.resblock_kernels
        )
        self.conv_post = nn.Conv1d(widths[-1], 1, EDGE_KERNEL, padding=EDGE_KERNEL // 2, bias=False)
        self.cond_layer = nn.Conv1d(g, top, 1)
        self.conds = nn.ModuleList(nn.Conv1d(g, width, 1) for width in widths)

    @property
    def dtype(self) -> torch.dtype:
        return self.conv_post.weight.dtype

    def forward(self, frames: Tensor, speaker: Tensor) -> Tensor:
        """(b, d, t) and (b, g, 1) -> samples (b, t * hop)"""
        x = self.conv_pre(frames) + self.cond_layer(speaker)
        for level, (up, cond) in enumerate(zip(self.ups, self.conds, strict=True)):
            x = up(F.leaky_relu(x, SLOPE)) + cond(speaker)
            blocks = self.resblocks[level * self.n_kernels : (level + 1) * self.n_kernels]
            x = torch.stack([block(x) for block in blocks]).sum(0) / self.n_kernels
        return torch.tanh(self.conv_post(F.leaky_relu(x, LAST_SLOPE)))[:, 0]


def receptive_frames(config: XttsConfig) -> int:
    """Frames on either side that a frame's samples depend on, rounded up."""
    reach = float(EDGE_KERNEL // 2)  # in frames
    per_frame = 1
    widest = max(config.resblock_kernels) // 2
    for rate, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
        reach += kernel / 2 / rate / per_frame
        per_frame *= rate
        reach += sum(widest * d + widest for d in config.resblock_dilations) / per_frame
    return math.ceil(reach + EDGE_KERNEL // 2 / per_frame)
