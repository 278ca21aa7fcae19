"""From logits to the next audio code, as transformers' `generate` does it, with options and noise of its own a row.

b: rows, v: audio codes. All is done with tensors and without a branch on their values, so a CUDA graph can hold it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from locutor.engines.xtts.config import XttsConfig
from locutor.types import SynthesisOptions, check_range

PREFIX_CODE = 1
"""What upstream's stand-ins for the prompt are called: the repetition penalty takes it for a code already spoken."""


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """How codes are drawn; the defaults are those of the released config.json.

    temperature 0 takes the likeliest code. top_k 0 and top_p 1 leave all codes in.
    length_penalty: how far beyond its expected length speech may run before stopping is made likelier; above 1 further.
    Upstream reads it with beam search alone, which it never uses.
    stop_bias: what is added to the stop code's logit for each code beyond that length; 0 is upstream's behaviour.
    retries: how often to speak again when the result does not end as speech does.
    """

    temperature: float = 0.75
    top_k: int = 50
    top_p: float = 0.85
    repetition_penalty: float = 5.0
    length_penalty: float = 1.0
    stop_bias: float = 0.1
    retries: int = 0

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, 0, 2)
        check_range("top_k", self.top_k, 0, 1_000_000)
        check_range("top_p", self.top_p, 0.01, 1)
        check_range("repetition_penalty", self.repetition_penalty, 1, 20)
        check_range("length_penalty", self.length_penalty, 0.1, 10)
        check_range("stop_bias", self.stop_bias, 0, 10)
        check_range("retries", self.retries, 0, 10)

    @classmethod
    def of(cls, options: SynthesisOptions) -> "SamplingOptions":
        """What the options ask for, and the defaults for the rest."""
        asked = {field.name: getattr(options, field.name, None) for field in fields(cls)}
        return cls(**{name: value for name, value in asked.items() if value is not None})


class RowOptions:
    """Options of each row of a batch, as tensors of one value a row."""

    def __init__(self, rows: int, device: str | torch.device) -> None:
        self.temperature = torch.ones(rows, device=device)
        self.greedy = torch.ones(rows, device=device, dtype=torch.bool)
        self.top_k = torch.ones(rows, device=device, dtype=torch.long)
        self.keep_below = torch.zeros(rows, device=device)  # 1 - top_p
        self.repetition_penalty = torch.ones(rows, device=device)
        self.stop_from = torch.zeros(rows, device=device)
        self.stop_bias = torch.zeros(rows, device=device)

    def tensors(self) -> Iterable[Tensor]:
        return vars(self).values()

    def view(self, rows: int) -> "RowOptions":
        """The first rows, in the same memory."""
        part = RowOptions(0, self.greedy.device)
        vars(part).update({name: tensor[:rows] for name, tensor in vars(self).items()})
        return part

    def set(self, row: int, options: SamplingOptions, expected_codes: float, n_codes: int) -> None:
        """expected_codes: length of the speech to come. n_codes: v."""
        greedy = options.temperature == 0
        self.greedy[row] = greedy
        self.temperature[row] = 1.0 if greedy else options.temperature
        self.top_k[row] = n_codes if greedy or options.top_k == 0 else min(options.top_k, n_codes)
        self.keep_below[row] = -1.0 if greedy or options.top_p == 1 else 1 - options.top_p
        self.repetition_penalty[row] = options.repetition_penalty
        self.stop_from[row] = expected_codes * options.length_penalty
        self.stop_bias[row] = options.stop_bias


def already_seen(config: XttsConfig, rows: int, device: str | torch.device) -> Tensor:
    """Codes that the repetition penalty counts as spoken before the first one, (b, v)."""
    seen = torch.zeros(rows, config.num_audio_tokens, dtype=torch.bool, device=device)
    seen[:, [PREFIX_CODE, config.start_audio_token]] = True
    return seen


def penalised(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Codes already spoken made less likely (Keskar et al., arXiv 1909.05858). (b, v), (b, v), (b,) -> (b, v)"""
    p = penalty[:, None]
    return torch.where(seen, torch.where(logits < 0, logits * p, logits / p), logits)


def filtered(scores: Tensor, top_k: Tensor, keep_below: Tensor) -> Tensor:
    """Minus infinity for all but the top_k likeliest, and of these for the tail that holds 1 - top_p of the mass."""
    n = scores.shape[1]
    ascending, order = scores.sort(dim=1)
    threshold = ascending.gather(1, (n - top_k)[:, None])
    ascending = ascending.masked_fill(ascending < threshold, -torch.inf)
    unlikely = ascending.softmax(1).cumsum(1) <= keep_below[:, None]
    unlikely[:, -1] = False
    removed = torch.zeros_like(unlikely).scatter(1, order, unlikely)
    return scores.masked_fill(removed | (scores < threshold), -torch.inf)


def draw(scores: Tensor, noise: Tensor) -> Tensor:
    """A code by its probability. noise: (b, v), exponentially distributed; torch.multinomial does the same. -> (b,)"""
    return (scores.softmax(1) / noise).argmax(1)


def next_codes(logits: Tensor, seen: Tensor, n_codes: Tensor, rows: RowOptions, noise: Tensor, stop: int) -> Tensor:
    """One code a row. logits, seen, noise: (b, v). n_codes: (b,), codes so far. stop: the stop code. -> (b,)"""
    scores = penalised(logits.float(), seen, rows.repetition_penalty)
    beyond = (n_codes - rows.stop_from).clamp(min=0) * rows.stop_bias
    scores[:, stop] += beyond
    likeliest = scores.argmax(1)
    scores = filtered(scores / rows.temperature[:, None], rows.top_k, rows.keep_below)
    return torch.where(rows.greedy, likeliest, draw(scores, noise))
