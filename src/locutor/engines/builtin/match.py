"""Audio brought closer to the mel it was made from.

The small vocoder's audio is off by several decibels in many bands, though the mel says what they should be. So the
magnitudes of its spectrum are scaled towards the wanted mel and the spectrum is made one that audio can have, in turns:
Griffin and Lim's projections (1984) with the momentum of Perraudin et al. (2013), begun at the vocoder's phases.

Shapes: s samples, n frames, c mel bands, f bins of the transform.
"""

import torch
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
    spread = bank.T / bank.sum(0).clamp(min=1e-6)[:, None]  # (f, c): what each band says about a bin
    window, wanted = torch.hann_window(N_FFT, device=audio.device), mel.float().exp().T

    def spectrum(samples: Tensor) -> Tensor:
        return torch.stft(samples, N_FFT, HOP_LENGTH, N_FFT, window, center=True, return_complex=True)  # (f, n)

    def scaled(found: Tensor) -> Tensor:
        ratio = wanted / (bank @ found.abs()).clamp(min=LOG_FLOOR)
        made = found * (spread @ ratio.clamp(1 / MAX_CHANGE, MAX_CHANGE))
        return torch.istft(made, N_FFT, HOP_LENGTH, N_FFT, window, center=True)

    at = before = spectrum(audio)
    for _ in range(N_ROUNDS):
        now = spectrum(scaled(at))
        at, before = now + MOMENTUM * (now - before), now
    return scaled(at)
