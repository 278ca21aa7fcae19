"""A voice as XTTS-v2 hears it: latents for the language model and a vector for the vocoder.

b: batch, n: samples, l: latents, d: model channels, g: speaker channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locutor.engines.xtts.config import PROMPT_SAMPLE_RATE
from locutor.engines.xtts.mel import PROMPT_MEL, SPEAKER_SAMPLE_RATE, log_mel, resample, speaker_mel
from locutor.engines.xtts.network import Xtts
from locutor.errors import AudioError
from locutor.types import Waveform

# What the released config.json sets; coqui-tts has other defaults in two other places.
CLIP_S = 30
CONDITIONING_S = 30
CHUNK_S = 4
MIN_CHUNK_S = 0.33


@dataclass(frozen=True)
class XttsVoice:
    """latents: (l, d), what the language model is prompted with. speaker: (g,), of unit length for one clip."""

    latents: Tensor
    speaker: Tensor


@torch.inference_mode()
def encode(network: Xtts, clips: Sequence[Waveform]) -> XttsVoice:
    """Listen to the first 30 s of each clip: the latents hear the first 30 s of all together, 4 s at a time.

    Raises AudioError when there is less than 0.33 s in all.
    """
    samples = [_at_prompt_rate(clip).to(network.device) for clip in clips]
    speakers = [network.hifigan_decoder.speaker_encoder(_speaker_mel(s))[0] for s in samples]
    return XttsVoice(_latents(network, torch.cat(samples, dim=1)), torch.stack(speakers).mean(0))


def _at_prompt_rate(clip: Waveform) -> Tensor:
    """(1, n) at 22.05 kHz, resampled as in training, at most CLIP_S long."""
    samples = resample(torch.from_numpy(clip.samples)[None], clip.sample_rate, PROMPT_SAMPLE_RATE)
    return samples[:, : CLIP_S * PROMPT_SAMPLE_RATE].clip(-1, 1)


def _speaker_mel(samples: Tensor) -> Tensor:
    return speaker_mel(resample(samples, PROMPT_SAMPLE_RATE, SPEAKER_SAMPLE_RATE))


def _latents(network: Xtts, samples: Tensor) -> Tensor:
    """(1, n) -> (l, d), the mean over chunks."""
    chunks = torch.split(samples[:, : CONDITIONING_S * PROMPT_SAMPLE_RATE], CHUNK_S * PROMPT_SAMPLE_RATE, dim=1)
    heard = [chunk for chunk in chunks if chunk.shape[1] >= MIN_CHUNK_S * PROMPT_SAMPLE_RATE]
    if not heard:
        duration_s = samples.shape[1] / PROMPT_SAMPLE_RATE
        raise AudioError(f"the reference lasts {duration_s:.2f} s; XTTS needs at least {MIN_CHUNK_S:g} s")
    mels = [log_mel(chunk, PROMPT_MEL, network.mel_stats) for chunk in heard]
    return torch.stack([network.gpt.latents(mel)[0] for mel in mels]).mean(0)
