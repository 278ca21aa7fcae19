"""What the language model of XTTS-v2 learns: the next text token and the next audio code of a clip, given a prompt.

As coqui-tts 0.28 trains it, but for three things. The prompt is a stretch of the clip itself, and what was heard must
not be learned by copying: upstream means to leave those codes out, but does so for one clip of a batch only, and at
places counted in mel frames, four times too far (its issues 3388 and 3631); here they are left out where they are.
Prompts are not padded with silence, as they are not when the model speaks.
Shapes: b batch, n text tokens, c audio codes, l latents, d channels, t mel frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.engines.xtts.gpt import Gpt

TEXT_WEIGHT, CODE_WEIGHT = 0.01, 1.0
N_STOPS = 4  # upstream teaches the stop code so many times after a clip, each given the one before
IGNORED = -1


@dataclass(frozen=True)
class Example:
    """One clip and its prompt. tokens: of its text. codes: (c,). prompt: (80, t) log-mel of a stretch of it.

    heard: the codes from the first to before the second stand for that stretch; they are not learned.
    """

    tokens: tuple[int, ...]
    codes: Tensor
    prompt: Tensor
    heard: tuple[int, int]


@dataclass(frozen=True)
class Losses:
    """Cross entropies, means over the tokens and the codes of a batch."""

    text: Tensor
    codes: Tensor

    @property
    def total(self) -> Tensor:
        return TEXT_WEIGHT * self.text + CODE_WEIGHT * self.codes


def losses(gpt: Gpt, examples: Sequence[Example]) -> Losses:
    """Of a batch, on the network's device. Under autocast the prompt and the cross entropies stay float32."""
    device = gpt.mel_head.weight.device
    text, text_targets = _text(gpt, examples)
    codes, code_targets = _codes(gpt, examples)
    with torch.autocast(device.type, enabled=False):
        latents = torch.cat([gpt.latents(example.prompt[None].to(device)) for example in examples])
    n_latents = latents.shape[1]
    x = torch.cat([latents, gpt.embed_text(text.to(device)), gpt.embed_codes(codes.to(device))], dim=1)
    hidden = gpt.gpt(x, visible(examples, n_latents).to(device))
    with torch.autocast(device.type, enabled=False):
        states = gpt.final_norm(hidden.float())
        text_logits = gpt.text_head(states[:, n_latents : n_latents + text.shape[1]])
        code_logits = gpt.mel_head(states[:, n_latents + text.shape[1] :])
        return Losses(_cross_entropy(text_logits, text_targets), _cross_entropy(code_logits, code_targets))


def _text(gpt: Gpt, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Inputs [start][text][stop] and, one place earlier, what follows each, (b, n + 2)."""
    c = gpt.config
    longest = max(len(example.tokens) for example in examples) + 2
    inputs = torch.full((len(examples), longest), c.stop_text_token)
    targets = torch.full_like(inputs, IGNORED)
    for row, example in enumerate(examples):
        n = len(example.tokens)
        inputs[row, 0], inputs[row, 1 : n + 1] = c.start_text_token, torch.tensor(example.tokens)
        targets[row, :n], targets[row, n] = inputs[row, 1 : n + 1], c.stop_text_token
    return inputs, targets


def _codes(gpt: Gpt, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Inputs [start][codes][stop...] and what follows each, but for what the prompt told, (b, c + 1 + N_STOPS)."""
    c = gpt.config
    longest = max(len(example.codes) for example in examples) + 1 + N_STOPS
    inputs = torch.full((len(examples), longest), c.stop_audio_token)
    targets = torch.full_like(inputs, IGNORED)
    for row, example in enumerate(examples):
        n = len(example.codes)
        inputs[row, 0], inputs[row, 1 : n + 1] = c.start_audio_token, example.codes
        targets[row, :n], targets[row, n : n + N_STOPS] = example.codes, c.stop_audio_token
        targets[row, slice(*example.heard)] = IGNORED
    return inputs, targets


def visible(examples: Sequence[Example], n_latents: int) -> Tensor:
    """(b, 1, s, s) bool: which places each may look at, itself and those before it, padding left out.

    Upstream never lets a clip's last text token, the stop token, be seen in training, so the model is used to that.
    """
    text = max(len(example.tokens) for example in examples) + 2
    codes = max(len(example.codes) for example in examples) + 1 + N_STOPS
    seen = torch.zeros(len(examples), n_latents + text + codes, dtype=torch.bool)
    seen[:, :n_latents] = True
    for row, example in enumerate(examples):
        seen[row, n_latents : n_latents + len(example.tokens) + 1] = True
        seen[row, n_latents + text : n_latents + text + len(example.codes) + N_STOPS] = True
    return (seen[:, None] & torch.ones(seen.shape[1], seen.shape[1], dtype=torch.bool).tril())[:, None]


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.to(logits.device).flatten(), ignore_index=IGNORED)
