"""The fixed test texts: 60 in each language, written for Locutor and never to be trained on.

Kinds: 22 statements, 10 questions, 8 texts of one to three words, 6 with numbers, 6 with names, 7 technical ones, and
a long one of about a minute.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from locutor.errors import OptionError

LANGUAGES = ("en", "pt-BR")
KINDS = ("statement", "question", "short", "number", "name", "technical", "long")


@dataclass(frozen=True)
class ListedText:
    """One text of a list; name is unique over all languages, such as "en-01"."""

    name: str
    kind: str
    text: str
    language: str


@lru_cache
def texts_of(language: str) -> tuple[ListedText, ...]:
    """All texts of a language, in their fixed order; OptionError for a language without a list."""
    if language not in LANGUAGES:
        raise OptionError(f"there are test texts for {', '.join(LANGUAGES)}, not for {language!r}")
    lines = (files("locutor.evaluation") / "texts" / f"{language}.txt").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return tuple(ListedText(f"{language}-{i:02d}", kind, text, language) for i, (kind, text) in enumerate(rows, 1))


def is_test_text(sentence: str) -> bool:
    """Whether training must leave this sentence out: it is a test text, or a sentence of one, but for punctuation."""
    return _bare(sentence) in _held_out()


@lru_cache
def _held_out() -> frozenset[str]:
    texts = [entry.text for language in LANGUAGES for entry in texts_of(language)]
    return frozenset(_bare(part) for text in texts for part in (text, *re.split(r"(?<=[.!?])\s+", text)))


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
