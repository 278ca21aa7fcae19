"""Chinese numbers as characters, and every mark as a comma, which is all that XTTS-v2 was shown."""

import re
import unicodedata

DIGITS = "零一二三四五六七八九"
UNITS = ("", "十", "百", "千")
MYRIADS = ("", "万", "亿", "万亿")
LONGEST = 16  # digits of a number; longer ones are read digit by digit

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_YEAR = re.compile(r"(\d{4})(?=年)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def read_numbers(text: str) -> str:
    """Percentages, years, decimals and whole numbers written out, marks made commas."""
    text = _PERCENT.sub(lambda m: "百分之" + _decimal(m[1]), text)
    text = _YEAR.sub(lambda m: by_digit(m[1]), text)
    text = _NUMBER.sub(lambda m: _decimal(m[0]), text)
    return "".join("," if unicodedata.category(char).startswith("P") else char for char in text)


def by_digit(digits: str) -> str:
    return "".join(DIGITS[int(d)] for d in digits)


def _decimal(written: str) -> str:
    whole, _, fraction = written.partition(".")
    words = by_digit(whole) if len(whole) > LONGEST else cardinal(int(whole))
    return f"{words}点{by_digit(fraction)}" if fraction else words


def cardinal(number: int) -> str:
    """Up to 10^16 - 1."""
    if number == 0:
        return DIGITS[0]
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    words = ""
    for place, group in reversed(list(enumerate(groups))):
        if group == 0:
            continue
        gap = words and (group < 1000 or groups[place + 1 :] and groups[place + 1] == 0)
        words += (DIGITS[0] if gap else "") + _below_myriad(group) + MYRIADS[place]
    return words[1:] if words.startswith("一十") else words


def _below_myriad(number: int) -> str:
    words, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit == 0:
            gap = bool(words)
        else:
            words += (DIGITS[0] if gap else "") + DIGITS[digit] + UNITS[place]
            gap = False
    return words
