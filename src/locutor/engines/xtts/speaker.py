"""The speaker encoder of XTTS-v2: a squeeze-and-excitation ResNet with attentive statistics (arXiv 2009.14153).

b: batch, c: channels, m: mel bands, t: frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.mel import N_SPEAKER_MELS

SQUEEZE = 8
VARIANCE_FLOOR = 1e-5


class SqueezeExcite(nn.Module):
    """Channels weighted by what the whole clip says of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // SQUEEZE
        self.fc = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc(x.mean(dim=(2, 3)))[:, :, None, None]


class Block(nn.Module):
    """The first batch norm follows the ReLU: H/ASP's order."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.se = SqueezeExcite(n_out)
        self.downsample: nn.Module | None = None
        if stride != 1 or n_in != n_out:
            self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        residual = x if self.downsample is None else self.downsample(x)
        x = self.bn1(F.relu(self.conv1(x)))
        return F.relu(self.se(self.bn2(self.conv2(x))) + residual)


class SpeakerEncoder(nn.Module):
    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        widths = config.speaker_filters
        self.conv1 = nn.Conv2d(1, widths[0], 3, padding=1)
        self.bn1 = nn.BatchNorm2d(widths[0])
        n_in = widths[0]
        for i, (width, depth) in enumerate(zip(widths, config.speaker_layers, strict=True), start=1):
            blocks = [Block(n_in, width, 1 if i == 1 else 2), *(Block(width, width, 1) for _ in range(depth - 1))]
            self.add_module(f"layer{i}", nn.Sequential(*blocks))
            n_in = width
        features = widths[-1] * N_SPEAKER_MELS // 8
        hidden = config.speaker_attention
        self.attention = nn.Sequential(
            nn.Conv1d(features, hidden, 1),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Conv1d(hidden, features, 1),
            nn.Softmax(dim=2),
        )
        self.fc = nn.Linear(2 * features, config.speaker_dim)

    def forward(self, mel: Tensor) -> Tensor:
        """Log-mel (b, 64, t) of `speaker_mel` -> vectors of unit length (b, speaker_dim)"""
        x = F.relu(self.conv1(F.instance_norm(mel)[:, None]))
        x = self.bn1(x)
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
        x = x.flatten(1, 2)  # (b, c, m, t) -> (b, c * m, t)
        weights = self.attention(x)
        mean = (x * weights).sum(2)
        deviation = ((x.square() * weights).sum(2) - mean.square()).clamp(min=VARIANCE_FLOOR).sqrt()
        return F.normalize(self.fc(torch.cat([mean, deviation], dim=1)), dim=1)
