"""What judges a vocoder in training: by period (HiFi-GAN, arXiv 2010.05646), by resolution (UnivNet, 2106.07889).

Shapes: b batch, s samples.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1
PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = (512, 1024, 2048)


class PeriodDiscriminator(nn.Module):
    """Looks at every `period`-th sample together. (b, s) -> verdicts and the features behind them."""

    def __init__(self, period: int, widths: tuple[int, ...] = (1, 32, 128, 256, 512)) -> None:
        super().__init__()
        self.period = period
        self.convs = nn.ModuleList(
            [weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0))) for a, b in zip(widths, widths[1:], strict=False)]
        )
        self.out = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        short = -waveform.shape[-1] % self.period
        x = F.pad(waveform[:, None], (0, short), mode="reflect")
        x = x.view(x.shape[0], 1, -1, self.period)
        return _judge(x, self.convs, self.out)


class ResolutionDiscriminator(nn.Module):
    """Looks at the complex spectrogram of one resolution. (b, s) -> verdicts and the features behind them."""

    window: Tensor

    def __init__(self, n_fft: int, width: int = 32) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft))
        sizes = [(2, (3, 9), 1), (width, (3, 9), 2), (width, (3, 9), 2), (width, (3, 9), 2), (width, (3, 3), 1)]
        self.convs = nn.ModuleList(
            [weight_norm(nn.Conv2d(n, width, k, (1, s), (k[0] // 2, k[1] // 2))) for n, k, s in sizes]
        )
        self.out = weight_norm(nn.Conv2d(width, 1, (3, 3), padding=(1, 1)))

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        n = self.n_fft
        spectrum = torch.stft(waveform.float(), n, n // 4, n, self.window, return_complex=True)
        x = torch.stack([spectrum.real, spectrum.imag], dim=1).transpose(2, 3)  # (b, 2, frames, bins)
        return _judge(x, self.convs, self.out)


def _judge(x: Tensor, convs: nn.ModuleList, out: nn.Module) -> tuple[Tensor, list[Tensor]]:
    x, features = x.contiguous(memory_format=torch.channels_last), []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        features.append(x)
    return out(x), features


class Discriminators(nn.Module):
    """All judges together: one list of verdicts, one list of feature lists."""

    def __init__(self) -> None:
        super().__init__()
        by_period = [PeriodDiscriminator(p) for p in PERIODS]
        by_resolution = [ResolutionDiscriminator(n) for n in RESOLUTIONS]
        self.judges = nn.ModuleList([*by_period, *by_resolution])

    def shares(self, of_resolutions: float) -> list[float]:
        """What each judge counts: those by period 1 together, those by resolution `of_resolutions` together."""
        by_period = [isinstance(judge, PeriodDiscriminator) for judge in self.judges]
        each = {True: 1 / max(1, sum(by_period)), False: of_resolutions / max(1, by_period.count(False))}
        return [each[kind] for kind in by_period]

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        judged = [judge(waveform) for judge in self.judges]
        return [verdict for verdict, _ in judged], [features for _, features in judged]
