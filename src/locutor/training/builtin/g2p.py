"""What the grapheme-to-phoneme network learns: phonemes of a text, with no alignment given (CTC)."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from locutor.engines.builtin.g2p import BLANK, G2P, decode
from locutor.engines.builtin.phonemes import LANGUAGES, LETTERS, PHONEMES, letter_tokens, phoneme_tokens


@dataclass(frozen=True)
class Row:
    language: int
    letters: Tensor
    phonemes: Tensor


@dataclass(frozen=True)
class Batch:
    """letters: (b, t), phonemes: (b, p), 0 beyond the end; language: (b,)."""

    letters: Tensor
    phonemes: Tensor
    language: Tensor


def read_rows(path: Path) -> list[Row]:
    """Rows of a .jsonl.gz of [language, text, phonemes] whose symbols the model knows."""
    rows = []
    with gzip.open(path, "rt", encoding="utf8") as f:
        for language, text, phonemes in map(json.loads, f):
            if set(text.lower()) <= set(LETTERS) and set(phonemes) <= set(PHONEMES):
                letters = torch.tensor(letter_tokens(text.lower()))
                rows.append(Row(LANGUAGES.index(language), letters, torch.tensor(phoneme_tokens(phonemes))))
    return rows


class G2PObjective:
    """CTC over texts of similar length."""

    def __init__(self, network: G2P, rows: list[Row], letters_per_batch: int) -> None:
        self.network, self.letters_per_batch = network, letters_per_batch
        self._held_out, trained = rows[:512], rows[512:]
        self._rows = sorted(trained, key=lambda row: len(row.letters))

    def batch(self, generator: torch.Generator) -> Batch:
        """Neighbours in length, so that little is padding; longer texts are drawn in proportion to their letters."""
        at = int(torch.rand((), generator=generator) ** 0.6 * len(self._rows))
        n = max(1, self.letters_per_batch // len(self._rows[min(at, len(self._rows) - 1)].letters))
        start = max(0, min(at, len(self._rows) - 4 * n))
        members = start + torch.randperm(min(4 * n, len(self._rows) - start), generator=generator)[:n]
        return self._collate([self._rows[int(i)] for i in members])

    def held_out(self) -> list[Batch]:
        return [self._collate(self._held_out[i : i + 128]) for i in range(0, len(self._held_out), 128)]

    @staticmethod
    def _collate(rows: list[Row]) -> Batch:
        letters = pad_sequence([r.letters for r in rows], batch_first=True)
        phonemes = pad_sequence([r.phonemes for r in rows], batch_first=True)
        return Batch(letters, phonemes, torch.tensor([r.language for r in rows]))

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        device = next(self.network.parameters()).device
        letters, phonemes = batch.letters.to(device), batch.phonemes.to(device)
        logits = self.network(letters, batch.language.to(device)).float()
        n_slots = (letters != 0).sum(1) * self.network.config.slots
        n_phonemes = (phonemes != 0).sum(1)
        scores = logits.log_softmax(-1).transpose(0, 1)  # (b, slots, tokens) -> (slots, b, tokens)
        loss = F.ctc_loss(scores, phonemes, n_slots, n_phonemes, blank=BLANK, reduction="sum", zero_infinity=True)
        losses = {"loss": loss / n_phonemes.sum()}
        if not self.network.training:
            losses["wrong_texts"] = self._wrong(logits, n_slots, phonemes, n_phonemes)
        return losses

    @staticmethod
    def _wrong(logits: Tensor, n_slots: Tensor, phonemes: Tensor, n_phonemes: Tensor) -> Tensor:
        """Share of texts with any phoneme wrong."""
        pairs = zip(logits, n_slots, phonemes, n_phonemes, strict=True)
        right = [decode(scores[:s]) == wanted[:p].tolist() for scores, s, wanted, p in pairs]
        return torch.tensor(1 - sum(right) / len(right))
