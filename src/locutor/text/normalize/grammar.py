"""What one language gives to the rules that all languages share."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from locutor.text.normalize.numbers import Gender, Number


@dataclass(frozen=True)
class Noun:
    """A counted word: singular, plural, gender (languages without gender keep "m")."""

    one: str
    many: str
    gender: Gender = "m"


@dataclass(frozen=True)
class Currency:
    unit: Noun
    cent: Noun


@dataclass(frozen=True)
class SpellingFacts:
    """How letters in capitals are read.

    letters: name of each letter. spelled: acronyms that look like words and are spelled out. words: acronyms said
    as words that do not look like one, and how. short_words: two-letter words, in capitals only for emphasis.
    syllables: matches (lower case) what can be said as a word.
    """

    letters: Mapping[str, str]
    spelled: frozenset[str]
    words: Mapping[str, str]
    short_words: frozenset[str]
    syllables: re.Pattern[str]


@dataclass(frozen=True)
class Grammar:
    """One language's words and forms.

    cardinal: a whole number's digits and the gender of what is counted. number: with sign and fraction.
    is_plural: whether a counted noun stands in the plural. scales: words and letters after an amount of money
    that multiply it. symbols: signs read out wherever they stand. web: signs inside addresses.
    starters: capitalised words that begin a sentence after an abbreviation. abbreviations: words that are no
    first half of a name with a full stop in it ("Node.js").
    """

    language: str
    decimal: str
    number_source: str
    cardinal: Callable[[str, Gender], str]
    number: Callable[[Number, Gender], str]
    is_plural: Callable[[Number], bool]
    digit_words: tuple[str, ...]
    and_: str
    to: str
    per: str
    minus: str
    of_scale: str
    percent: str
    per_mille: str
    hashtag: str
    currencies: Mapping[str, Currency]
    scales: Mapping[str, Noun]
    units: Mapping[str, Noun]
    symbols: Mapping[str, str]
    operators: Mapping[str, str]
    web: Mapping[str, str]
    spelling: SpellingFacts
    starters: frozenset[str]
    abbreviations: frozenset[str]
