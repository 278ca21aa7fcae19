"""A dataset's recordings as XTTS-v2 learns from them: tokens, audio codes, samples to cut prompts from."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locutor.audio import io
from locutor.engines.xtts.config import CODE_STRIDE, PROMPT_SAMPLE_RATE, XttsConfig
from locutor.engines.xtts.dvae import CodeEncoder
from locutor.engines.xtts.mel import CODE_MEL, PROMPT_MEL, log_mel, resample
from locutor.engines.xtts.tokens import XttsTokenizer, tidy
from locutor.errors import TextError
from locutor.text.languages import LANGUAGES
from locutor.text.normalize import normalize
from locutor.training.dataset import Recording
from locutor.training.xtts import N_STOPS, Example

log = logging.getLogger(__name__)

MIN_CLIP_S = 0.5
PROMPT_S = (3.0, 6.0)  # a prompt is drawn so long, and is half of a clip that is shorter
FULL_SCALE = 32767


@dataclass(frozen=True)
class Clip:
    """One recording. samples: (n,) int16 at 22.05 kHz; codes: (c,)."""

    tokens: tuple[int, ...]
    codes: Tensor
    samples: Tensor

    @property
    def n_tokens(self) -> int:
        """Places that it takes in the model's sequence."""
        return len(self.tokens) + len(self.codes)


@dataclass(frozen=True)
class ClipReader:
    """What recordings are read with. mel_stats: (80,)."""

    tokenizer: XttsTokenizer
    encoder: CodeEncoder
    mel_stats: Tensor
    config: XttsConfig
    language: str

    def read_all(self, recordings: Sequence[Recording], on_clip: Callable[[], None]) -> list[Clip]:
        """Those that can be learned from; the log says how many were left out, and why."""
        clips: list[Clip] = []
        left_out: Counter[str] = Counter()
        for recording in recordings:
            found = self.read(recording)
            if isinstance(found, Clip):
                clips.append(found)
            else:
                left_out[found] += 1
            on_clip()
        for why, n in left_out.items():
            log.warning("%d clips %s and were left out", n, why)
        return clips

    def read(self, recording: Recording) -> Clip | str:
        """A clip, or why it cannot be learned from. Raises AudioError for a file that cannot be read."""
        waveform = io.read(recording.path)
        if waveform.duration_s < MIN_CLIP_S:
            return f"last less than {MIN_CLIP_S:g} s"
        wanted = LANGUAGES[self.language].has_normalizer
        text = tidy(normalize(recording.text, self.language) if wanted else recording.text)
        try:
            tokens = self.tokenizer.encode(text, self.language)
        except TextError:
            return "have a text that the vocabulary cannot spell"
        if self.tokenizer.has_unknown(tokens):
            return "have a text that the vocabulary cannot spell"
        samples = resample(torch.from_numpy(waveform.samples)[None], waveform.sample_rate, PROMPT_SAMPLE_RATE)
        n_codes = -(-samples.shape[1] // CODE_STRIDE)
        if n_codes + N_STOPS > self.config.max_codes or len(tokens) >= self.config.max_text_tokens:
            return "are longer than the model can speak at once"
        return Clip(tuple(tokens), self._codes(samples)[:n_codes], (samples[0].clip(-1, 1) * FULL_SCALE).short())

    def _codes(self, samples: Tensor) -> Tensor:
        """(1, n) -> (c,)"""
        device = self.mel_stats.device
        codes = self.encoder(log_mel(samples.to(device), CODE_MEL, self.mel_stats))[0]
        return codes.cpu().clone()  # of inference mode, which the loss could not use


def example(clip: Clip, mel_stats: Tensor, generator: torch.Generator) -> Example:
    """The clip with a prompt drawn from it. mel_stats: (80,) on the CPU."""
    n = len(clip.samples)
    low, high = (round(s * PROMPT_SAMPLE_RATE) for s in PROMPT_S)
    length = int(torch.randint(low, high + 1, (), generator=generator))
    length = length if length <= n else n // 2
    start = int(torch.randint(n - length + 1, (), generator=generator))
    stretch = clip.samples[start : start + length].float() / FULL_SCALE
    prompt = log_mel(stretch[None], PROMPT_MEL, mel_stats)[0]
    heard = (start // CODE_STRIDE, min(-(-(start + length) // CODE_STRIDE), len(clip.codes)))
    return Example(clip.tokens, clip.codes, prompt, heard)
