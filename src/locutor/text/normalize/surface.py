"""The plain face of a text: code points before the rules, punctuation and white space after them."""

import re
import unicodedata
from collections.abc import Callable

from locutor.text.normalize.rules import MASK, Replacement

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_PLAIN = str.maketrans(
    {
        **{c: "'" for c in "‘’‛′´`ʼ"},
        **{c: '"' for c in "“”„″«»"},
        **{c: "-" for c in "‐‑‒−"},
        **{c: " " for c in "\t\u00a0\u2007\u2009\u200a\u202f\u3000\u200b"},
        **{c: "\n" for c in "\r\x0b\x0c\x85\u2028\u2029"},
        "⁄": "/",
        MASK: "\ufffd",
    }
)


def plain(text: str) -> str:
    """Typographic variants as ASCII, decimal digits of any script as 0-9; one character for one."""
    text = text.translate(_FULL_WIDTH).translate(_PLAIN)
    return re.sub(r"(?![0-9])\d", lambda m: str(unicodedata.decimal(m[0])), text)


# Signs that are no words but make a pause.
_PAUSES = {
    **{c: "," for c in "()[]{}—–―、،·"},
    **{c: "." for c in "。।"},
    "…": "...",
    "؟": "?",
    "；": ";",
}
_KEPT = frozenset(" \n,.!?;:'-" + MASK)
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
    paragraphs = (_tidy_paragraph(p) for p in re.split(r"\n(?:[^\S\n]*+\n|[^\S\n]*+[-*•]\s)\s*", text))
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
