"""English number words."""

from functools import lru_cache

from locutor.text.normalize.numbers import Gender, Number, is_code

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DECIMAL = "."


@lru_cache(maxsize=4096)
def _words(value: int, form: str) -> str:
    from num2words import num2words

    return str(num2words(value, lang="en", to=form)).replace(",", "").replace("oh-", "oh ")


def spell_digits(digits: str) -> str:
    return " ".join(DIGITS[int(digit)] for digit in digits)


def cardinal(digits: str, gender: Gender = "m") -> str:
    """Words for a whole number; codes (leading zero, very long) digit by digit."""
    return spell_digits(digits) if is_code(digits) else _words(int(digits), "cardinal")


def ordinal(value: int) -> str:
    return _words(value, "ordinal").removeprefix("one ") if value in (100, 1000) else _words(value, "ordinal")


def year(value: int) -> str:
    """ "nineteen ninety-nine", "two thousand and five", "twenty twenty-four"."""
    return _words(value, "year" if 1000 <= value < 3000 else "cardinal")


def number(value: Number, gender: Gender = "m") -> str:
    words = cardinal(value.integer)
    if value.fraction:
        whole = cardinal(value.integer.lstrip("0") or "0")
        words = f"{whole} point {spell_digits(value.fraction)}"
    return f"minus {words}" if value.negative else words


def is_plural(value: Number) -> bool:
    return not value.is_one


def decade(value: int) -> str:
    """ "nineteen nineties" for 1990, "nineties" for 90, "two thousands" for 2000."""
    if value in (100, 1000):
        return f"{_words(value, 'cardinal').removeprefix('one ')}s"
    if value % 1000 == 0:
        return f"{_words(value, 'cardinal')}s"
    words = year(value) if value >= 1000 else cardinal(str(value))
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


_FRACTION_NAMES = {2: ("half", "halves"), 4: ("quarter", "quarters")}


def fraction(numerator: int, denominator: int) -> str:
    """ "one half", "three quarters", "two thirds"."""
    name = ordinal(denominator)
    one, many = _FRACTION_NAMES.get(denominator, (name, f"{name}s"))
    return f"{cardinal(str(numerator))} {one if numerator == 1 else many}"
