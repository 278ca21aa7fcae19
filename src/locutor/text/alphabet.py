"""Fit a text to the characters that a voice model was trained on, and say what was lost."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Fitted:
    """A text in the model's alphabet.

    replaced: each character that was written otherwise, with what stands for it. dropped: characters for which
    nothing in the alphabet stands, each once, in order of appearance.
    """

    text: str
    replaced: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]


# Stand-ins that Unicode's own decompositions do not give; candidates are tried in order.
_STAND_INS: dict[str, tuple[str, ...]] = {
    "‘": ("'",),
    "’": ("'",),
    "‚": ("'", ","),
    "‛": ("'",),
    "′": ("'",),
    "´": ("'",),
    "`": ("'",),
    "“": ('"',),
    "”": ('"',),
    "„": ('"',),
    "″": ('"',),
    "«": ('"',),
    "»": ('"',),
    "‹": ("'",),
    "›": ("'",),
    "‐": ("-",),
    "‑": ("-",),
    "‒": ("-",),
    "–": ("-",),
    "—": ("-", ","),
    "―": ("-", ","),
    "−": ("-",),
    "…": ("...", "."),
    "ß": ("ss",),
    "ẞ": ("SS", "ss"),
    "æ": ("ae",),
    "Æ": ("AE", "ae"),
    "œ": ("oe",),
    "Œ": ("OE", "oe"),
    "ø": ("o",),
    "Ø": ("O", "o"),
    "đ": ("d",),
    "Đ": ("D", "d"),
    "ð": ("d",),
    "Ð": ("D", "d"),
    "þ": ("th",),
    "Þ": ("Th", "th"),
    "ł": ("l",),
    "Ł": ("L", "l"),
    "ı": ("i",),
    "ŋ": ("ng",),
    "¿": ("",),
    "¡": ("",),
    ";": (",", "."),
    ":": (",", "."),
    "!": (".",),
    "?": (".",),
    "、": (",",),
    "。": (".",),
    "،": (",",),
    "؟": ("?",),
    "।": (".",),
    "\t": (" ",),
    "\n": (" ",),
    "\r": (" ",),
}
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f")


def _candidates(char: str) -> list[str]:
    """What may stand for a character, the nearest first."""
    compatible = unicodedata.normalize("NFKC", char)
    bare = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    found = [*_STAND_INS.get(char, ()), compatible, bare]
    for form in (compatible, bare):
        found += _STAND_INS.get(form, ())
    found += [form.swapcase() for form in (char, *found) if len(form) == 1 and len(form.swapcase()) == 1]
    if char.isspace():
        found.append(" ")
    return found


def _stand_in(char: str, alphabet: Collection[str]) -> str | None:
    if char in _INVISIBLE:
        return ""
    for candidate in _candidates(char):
        composed = unicodedata.normalize("NFC", candidate)
        if composed != char and all(c in alphabet for c in composed) and (composed or char in _STAND_INS):
            return composed
    return None


def fit_alphabet(text: str, alphabet: Collection[str]) -> Fitted:
    """Write `text` with the characters of `alphabet` only (pass a set: membership is asked per character).

    The text is composed first (NFC). A character of the alphabet stays as it is; another is transliterated (é to e,
    “ to ", ß to ss, ﬁ to fi, full-width to ASCII, the other letter case as the last resort) and listed in
    `replaced`; one for which nothing stands is left out and listed in `dropped`.
    """
    stand_ins: dict[str, str | None] = {}
    pieces = []
    for char in unicodedata.normalize("NFC", text):
        if char in alphabet:
            pieces.append(char)
            continue
        if char not in stand_ins:
            stand_ins[char] = _stand_in(char, alphabet)
        pieces.append(stand_ins[char] or "")
    replaced = tuple((char, spelt) for char, spelt in stand_ins.items() if spelt is not None)
    dropped = tuple(char for char, spelt in stand_ins.items() if spelt is None)
    return Fitted("".join(pieces), replaced, dropped)
