"""The plain face of a text: code points before the rules, punctuation and white space after them."""

import re
import unicodedata
from collections.abc import Callable

from locutor.text.normalize.rules import ITEM, MASK, Replacement

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN = str.maketrans(
    {
        **{c: "'" for c in "‘’‛′´`ʼ"},
        **{c: '"' for c in "“”„″«»"},
        **{c: "-" for c in "‐‑‒−"},
        **{c: " " for c in "\t\u00a0\u2007\u2009\u200a\u202f\u3000"},
        **{c: "\n" for c in "\r\x0b\x0c\x85\u2028\u2029"},
        "⁄": "/",
        MASK: "\ufffd",
        ITEM: " ",
    }
)
# Soft hyphens, joiners and direction marks stand inside words without being heard.
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff") | frozenset(
    map(chr, (*range(0x202A, 0x202F), *range(0x2061, 0x206A)))
)


def visible(text: str) -> tuple[str, list[int]]:
    """The text without characters that nobody sees, and where each of what is left stood."""
    positions = [index for index, char in enumerate(text) if char not in _INVISIBLE]
    return "".join(text[index] for index in positions), positions


def plain(text: str, thousands: str = "") -> str:
    """Typographic variants as ASCII, decimal digits of any script as 0-9; one character for one.

    thousands: the mark put for the spaces in "10 000". Line breaks before list items become ITEM.
    """
    text = text.translate(_FULL_WIDTH)
    text = _join_thousands(text, thousands) if thousands else text
    text = text.replace("\r\n", " \n").translate(_PLAIN)
    return _set_items_apart(re.sub(r"(?![0-9])\d", lambda m: str(unicodedata.decimal(m[0])), text))


# An ordinary space also stands between two numbers ("2 500 ml bottles"): there only round thousands are one number.
_SPACED_THOUSANDS = re.compile(
    r"(?<![\w.,+/-])(?<!\d\s)(?<!\)\s)[1-9]\d{0,2}"
    r"(?:(?:[\u00a0\u2007\u2009\u202f]\d{3}){1,4}|(?: \d{3}){0,3} 000)(?!\s?\d|[.,/-]\d)"
)


def _join_thousands(text: str, mark: str) -> str:
    return _SPACED_THOUSANDS.sub(lambda m: re.sub(r"\s", mark, m[0]), text)


_BULLET = re.compile(r"[^\S\n]*+[-*•‣◦▪●∙](?=[^\S\n])")
_ENUMERATOR = re.compile(r"[^\S\n]*+(?:(?P<number>\d{1,3})[.)]|(?P<letter>[a-z])\))(?=[^\S\n]++\S)")
_FIRST = (1, ord("a"))


def _set_items_apart(text: str) -> str:
    lines = text.split("\n")
    numbers = [_enumerated(line) for line in lines]
    known = frozenset(numbers)
    pieces = [_without_bullet(lines[0])]
    last = numbers[0]
    for before, line, number in zip(lines, lines[1:], numbers[1:], strict=False):
        # Running text may break before a number and a full stop: items follow one another, or a colon.
        counts = number is not None and (number - 1 == last or (number in _FIRST and before.rstrip().endswith(":")))
        counts = counts or (number in _FIRST and number + 1 in known)
        last = number if counts else last
        pieces += [ITEM if counts or _BULLET.match(line) else "\n", _without_bullet(line)]
    return "".join(pieces)


def _enumerated(line: str) -> int | None:
    found = _ENUMERATOR.match(line)
    if found is None:
        return None
    return int(found["number"]) if found["number"] else ord(found["letter"])


def _without_bullet(line: str) -> str:
    return _BULLET.sub(lambda m: " " * len(m[0]), line, count=1) if _BULLET.match(line) else line


# Signs that are no words but make a pause.
_PAUSES = {
    **{c: "," for c in "()[]{}—–―、،·"},
    **{c: "." for c in "。।"},
    "…": "...",
    "؟": "?",
    "；": ";",
}
_KEPT = frozenset(" \n,.!?;:'-" + MASK + ITEM)
_EMOJI = re.compile("[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f]")


def unspoken(text: str, masked: str, symbols: Callable[[str], str | None]) -> list[Replacement]:
    """What is left of the text and is neither word nor sentence punctuation: pauses, symbols, emoji, strays."""
    found = []
    after_letter = False
    for index, char in enumerate(masked):
        if (char.isalpha() and char not in "ªº") or (after_letter and unicodedata.category(char)[0] == "M"):
            after_letter = True
            continue
        after_letter = False
        if char in _KEPT:
            continue
        spoken, name = _say_sign(char, symbols)
        found.append(Replacement((index, index + 1), text[index], spoken, name))
    return found


def _say_sign(char: str, symbols: Callable[[str], str | None]) -> tuple[str, str]:
    if char in _PAUSES:
        return _PAUSES[char], "punctuation"
    spoken = symbols(char)
    if spoken is not None:
        return spoken, "symbol"
    if _EMOJI.match(char):
        return "", "emoji"
    if unicodedata.category(char)[0] == "P":
        return "", "punctuation"
    return "", "dropped"


_RUN = re.compile(r"[,.!?;:](?: ?[,.!?;:])+")
_STRENGTH = "?!.;:,"


def _strongest(match: re.Match[str]) -> str:
    run = match[0]
    if "..." in run and not {"?", "!"} & set(run):
        return "..."
    return next(mark for mark in _STRENGTH if mark in run)


def tidy(text: str) -> str:
    """One space between words, none before punctuation, one mark where several meet; blank lines are kept."""
    paragraphs = (_tidy_paragraph(p) for p in re.split(rf"(?:\n[^\S\n]*+\n|{ITEM})\s*", text))
    return "\n\n".join(p for p in paragraphs if any(c.isalpha() for c in p))


def _tidy_paragraph(text: str) -> str:
    text = " ".join(text.split())
    text = re.sub(r"(?<!\w)'|'(?!\w)", " ", text)
    text = re.sub(r"(?<!\w)-+|-+(?!\w)|-{2,}", ",", text)
    text = " ".join(text.split())
    text = re.sub(r" (?=[,.!?;:])", "", text)
    text = _RUN.sub(_strongest, text)
    text = re.sub(r"(?<=[,!?;:.])(?=[^\W\d_])", " ", text)
    return text.strip(" ,;:").lstrip(".!?,;: ")
