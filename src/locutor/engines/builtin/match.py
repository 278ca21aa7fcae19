"""Audio brought closer to the mel it was made from.

The small vocoder's audio is off by several decibels in many bands, though the mel says what they should be. So the
magnitudes of its spectrum are scaled towards the wanted mel and the spectrum is made one that audio can have, in turns:
Griffin and Lim's projections (1984) with the momentum of Perraudin et al. (2013), begun at the vocoder's phases.

Shapes: s samples, n frames, c mel bands, f bins of the transform.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.audio.mel import HOP_LENGTH, LOG_FLOOR, N_FFT, MelConfig, mel_filterbank

N_ROUNDS, MOMENTUM = 24, 0.95
MAX_CHANGE = 20.0  # of a magnitude in one round, as a factor


def matched(audio: Tensor, mel: Tensor) -> Tensor:
    """Audio (s,) at 24 kHz with s = (n - 1) * HOP_LENGTH and the log-mel (n, c) it should have -> audio (s,).

    Audio too short for a transform is given back as it is.
    """
    if len(audio) <= N_FFT // 2:
        return audio
    bank = mel_filterbank(MelConfig(), audio.device)  # (c, f)
    heard = bank.T.contiguous()
    spread = bank / bank.sum(0).clamp(min=1e-6)  # what each band says about a bin
    window, wanted = torch.hann_window(N_FFT, device=audio.device), mel.float().exp()
    weight = _overlapped(window.square().expand(len(mel), -1))

    def spectrum(samples: Tensor) -> Tensor:
        padded = F.pad(samples[None], (N_FFT // 2, N_FFT // 2), mode="reflect")[0]
        return torch.fft.rfft(padded.unfold(0, N_FFT, HOP_LENGTH) * window)  # (n, f)

    def scaled(found: Tensor) -> Tensor:
        magnitude = torch.view_as_real(found).square().sum(-1).sqrt()  # twice as fast as abs()
        ratio = wanted / (magnitude @ heard).clamp(min=LOG_FLOOR)
        made = found * (ratio.clamp(1 / MAX_CHANGE, MAX_CHANGE) @ spread)
        return _overlapped(torch.fft.irfft(made, N_FFT) * window) / weight

    at = before = spectrum(audio)
    for _ in range(N_ROUNDS):
        now = spectrum(scaled(at))
        at, before = now + MOMENTUM * (now - before), now
    return scaled(at)


def _overlapped(frames: Tensor) -> Tensor:
    """Frames (n, N_FFT) added up where they overlap, from the middle of the first to that of the last."""
    n = len(frames)
    parts = frames.reshape(n, -1, HOP_LENGTH)
    total = frames.new_zeros(n - 1 + parts.shape[1], HOP_LENGTH)
    for k, part in enumerate(parts.unbind(1)):
        total[k : k + n] += part
    return total.flatten()[N_FFT // 2 : N_FFT // 2 + (n - 1) * HOP_LENGTH]
