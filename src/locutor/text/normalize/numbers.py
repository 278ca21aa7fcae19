"""Numbers as they are written: digits, separators, signs; and the number words both languages share."""

import re
from dataclasses import dataclass
from typing import Literal

Gender = Literal["m", "f"]

# num2words knows the scales of both languages up to 10^18; longer ones are read digit by digit, as people do.
MAX_WORD_DIGITS = 15


@dataclass(frozen=True)
class Number:
    """Digits before and after the decimal mark, without separators; fraction is "" for a whole number."""

    integer: str
    fraction: str = ""
    negative: bool = False

    @property
    def is_one(self) -> bool:
        return self.integer.lstrip("0") == "1" and not self.fraction

    @property
    def is_zero(self) -> bool:
        return not (self.integer + self.fraction).strip("0")

    @property
    def below_two(self) -> bool:
        return self.integer.lstrip("0") in ("", "1")


def number_source(decimal: str) -> str:
    """Regex source of an unsigned number whose decimal mark is `decimal` and whose thousands mark is the other."""
    mark, thousands = re.escape(decimal), re.escape("." if decimal == "," else ",")
    whole = rf"(?:\d{{1,3}}(?:{thousands}\d{{3}})++(?!\d)|\d++)"
    return rf"(?<!\d)(?<!\d[.,]){whole}(?:{mark}\d++)?(?![.,]?\d)"


def parse_number(literal: str, decimal: str, negative: bool = False) -> Number:
    """Read what `number_source(decimal)` matches."""
    integer, _, fraction = literal.partition(decimal)
    return Number(integer.replace(",", "").replace(".", ""), fraction, negative)


def parse_amount(literal: str, decimal: str) -> Number:
    """Read an amount of money: one or two last digits after either mark are a fraction in any language."""
    cents = re.fullmatch(r"([\d.,]*\d)[.,](\d{1,2})", literal)
    if cents:
        return Number(cents[1].replace(",", "").replace(".", ""), cents[2])
    return parse_number(literal, decimal)


def is_code(digits: str) -> bool:
    """Digits that are a code rather than a quantity: too long, or with a leading zero."""
    return len(digits) > MAX_WORD_DIGITS or (len(digits) > 1 and digits.startswith("0"))


def say_groups(text: str, digit_words: tuple[str, ...]) -> str:
    """Read digit by digit, with a pause between groups of digits."""
    groups = re.findall(r"\d+", text)
    return ", ".join(" ".join(digit_words[int(d)] for d in group) for group in groups)


_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def parse_roman(numeral: str) -> int | None:
    """The value of a well-formed Roman numeral below 4000, else None."""
    if not numeral or not _ROMAN.fullmatch(numeral):
        return None
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    return sum(-v if any(v < w for w in values[i + 1 : i + 2]) else v for i, v in enumerate(values))


FRACTION_GLYPHS: dict[str, tuple[int, int]] = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
    "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
