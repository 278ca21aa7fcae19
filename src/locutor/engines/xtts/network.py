"""The whole of an XTTS-v2 checkpoint, by upstream's names."""

import torch
from torch import Tensor, nn

from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.gpt import Gpt
from locutor.engines.xtts.hifigan import WaveformDecoder
from locutor.engines.xtts.mel import N_MELS
from locutor.engines.xtts.speaker import SpeakerEncoder


class HifiDecoder(nn.Module):
    """What turns states into sound, and what hears who speaks."""

    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.waveform_decoder = WaveformDecoder(config)
        self.speaker_encoder = SpeakerEncoder(config)


class Xtts(nn.Module):
    """mel_stats: mean log-mel of the training data per band, (80,)."""

    mel_stats: Tensor

    def __init__(self, config: XttsConfig) -> None:
        super().__init__()
        self.config = config
        self.gpt = Gpt(config)
        self.hifigan_decoder = HifiDecoder(config)
        self.register_buffer("mel_stats", torch.ones(N_MELS))

    @property
    def device(self) -> torch.device:
        return self.mel_stats.device
