"""From normalised text to phonemes, by the grapheme-to-phoneme network and the user's own spellings."""

import logging
import re

import torch

from locutor.engines.builtin.g2p import G2P, decode
from locutor.engines.builtin.phonemes import (
    LANGUAGES,
    LETTERS,
    PHONEMES,
    letter_tokens,
    phoneme_string,
)
from locutor.errors import TextError
from locutor.text.alphabet import fit_alphabet

log = logging.getLogger(__name__)

_ALPHABET = frozenset(LETTERS)
_PUNCTUATION = "!,.:;?"
_WRITTEN_PHONEMES = re.compile(r"(?<![\w/])/([^/\s][^/]*)/(?![\w/])")  # not the slashes of "km/h, m/s"


def pronounce(g2p: G2P, text: str, language: str) -> str:
    """Phonemes of a text. A stretch between slashes is taken as phonemes: "say /təmˈɑːɾoʊ/".

    Characters the network does not know are transliterated; what cannot be is left out, and logged.
    Raises TextError when nothing can be spoken, or for unknown phonemes between slashes.
    """
    pieces: list[str] = []
    for i, piece in enumerate(_WRITTEN_PHONEMES.split(text)):
        pieces.append(_checked(piece) if i % 2 else _predicted(g2p, piece, language))
    phonemes = re.sub(r" +", " ", " ".join(p for p in pieces if p)).strip()
    phonemes = re.sub(rf" ([{_PUNCTUATION}])", r"\1", phonemes)
    if not any(p.isalpha() for p in phonemes):
        raise TextError(f"nothing to speak in {text!r}: give a text with letters or numbers")
    return phonemes


def fitted(text: str) -> str:
    """The text in the letters the network reads."""
    found = fit_alphabet(text.lower(), _ALPHABET)
    if found.dropped:
        log.warning("the voice model cannot pronounce %s; left out", " ".join(map(repr, found.dropped)))
    return re.sub(r"\s+", " ", found.text).strip()


@torch.inference_mode()
def _predicted(g2p: G2P, text: str, language: str) -> str:
    letters = fitted(text)
    if not any(letter.isalpha() for letter in letters):
        return "".join(letter for letter in letters if letter in PHONEMES)
    device = next(g2p.parameters()).device
    # The network learned from whole sentences: a word without a stop is taken for one that is cut off.
    is_open = letters[-1] not in _PUNCTUATION
    tokens = torch.tensor([letter_tokens(letters + "." * is_open)], device=device)
    logits = g2p(tokens, torch.tensor([LANGUAGES.index(language)], device=device))
    phonemes = phoneme_string(decode(logits[0]))
    return phonemes.removesuffix(".") if is_open else phonemes


def _checked(phonemes: str) -> str:
    if unknown := sorted(set(phonemes) - set(PHONEMES)):
        raise TextError(f"unknown phonemes {' '.join(unknown)} in /{phonemes}/; known are: {' '.join(PHONEMES[2:])}")
    return phonemes
