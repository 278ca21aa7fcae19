"""Portuguese number words, with gender."""

import re
from functools import lru_cache

from locutor.text.normalize.numbers import Gender, Number, is_code

DIGITS = ("zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove")
DECIMAL = ","
_MILLIONS = re.compile(r".*\w(?:ilhão|ilhões)\b")


@lru_cache(maxsize=4096)
def _words(value: int, form: str) -> str:
    from num2words import num2words

    return str(num2words(value, lang="pt_BR", to=form)).replace(",", "")


def spell_digits(digits: str) -> str:
    return " ".join(DIGITS[int(digit)] for digit in digits)


def _feminine(words: str) -> str:
    """Cardinals agree from the last million downwards: "dois milhões duzentas mil e uma"."""
    millions = _MILLIONS.match(words)
    head = millions[0] if millions else ""
    tail = re.sub(r"\bum\b", "uma", words[len(head) :])
    tail = re.sub(r"\bdois\b", "duas", tail)
    return head + re.sub(r"(?<=[nt])os\b", "as", tail)


def cardinal(digits: str, gender: Gender = "m") -> str:
    """Words for a whole number; codes (leading zero, very long) digit by digit."""
    if is_code(digits):
        return spell_digits(digits)
    words = _words(int(digits), "cardinal")
    return _feminine(words) if gender == "f" else words


def ordinal(value: int, gender: Gender = "m", plural: bool = False) -> str:
    """ "primeiro", "vigésima segunda", "primeiros"; each part agrees."""
    parts = _words(value, "ordinal").split()
    ending = ("a" if gender == "f" else "o") + ("s" if plural else "")
    return " ".join(part[:-1] + ending for part in parts)


def number(value: Number, gender: Gender = "m") -> str:
    """With sign and fraction: two decimals are read as a number, more of them digit by digit."""
    words = cardinal(value.integer, gender)
    if value.fraction:
        whole = cardinal(value.integer.lstrip("0") or "0", gender)
        words = f"{whole} vírgula {_fraction_digits(value.fraction)}"
    return f"menos {words}" if value.negative else words


def _fraction_digits(digits: str) -> str:
    if len(digits) > 2:
        return spell_digits(digits)
    zeros = len(digits) - len(digits.lstrip("0"))
    return " ".join([*["zero"] * zeros, *([cardinal(digits[zeros:])] if digits[zeros:] else [])])


def is_plural(value: Number) -> bool:
    return not value.below_two


_DENOMINATORS = {2: "meio", 3: "terço", 100: "centésimo", 1000: "milésimo"}


def fraction(numerator: int, denominator: int) -> str:
    """ "um terço", "três quartos", "cinco doze avos"."""
    if denominator in _DENOMINATORS or denominator <= 10:
        name = _DENOMINATORS.get(denominator) or ordinal(denominator)
    else:
        name = f"{cardinal(str(denominator))} avo"
    return f"{cardinal(str(numerator))} {name if numerator == 1 else name + 's'}"
