"""Clean random texts of every language beside coqui-tts 0.28 and print where the two differ (see README.md).

Usage: PYTHONPATH=src python recipes/goldens/fuzz_xtts_text.py [TEXTS_A_LANGUAGE] [LANGUAGE]
"""

import random
import sys
from collections.abc import Callable

from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
from xtts_texts import CLEANED_TEXTS

from locutor.engines.xtts.cleaning import clean

TAGS = {"pt": "pt-BR", "zh": "zh-CN"}
SIGNS = (
    "&",
    "@",
    "%",
    "#",
    "$",
    "£",
    "€",
    "°",
    "R$",
    '"',
    "'",
    "-",
    "(",
    ")",
    "...",
    "!",
    "?",
    ";",
    ":",
    "/",
    "  ",
    "\n",
)
ENDINGS = {
    "en": ("st", "nd", "rd", "th"), "es": ("º", "ª", "er", "o", "as"), "fr": ("er", "re", "e", "ème"),
    "de": (".", "º"), "pt": ("º", "ª", "o", "a"), "it": ("º", "°", "ª"), "pl": ("º", "th"), "ar": ("ون", "ر"),
    "cs": (".",), "ru": ("-й", "-я", "-го"), "nl": ("de", "ste", "e"), "tr": (".", "inci"), "hu": (".", "adik"),
    "ko": ("번째", "번", "차"), "hi": ("th",), "zh": ("年", "个", "月3日", "元", "%"),
    "ja": ("年", "個", "月3日", "円"),
}  # fmt: skip


def number(rng: random.Random) -> str:
    whole = rng.choice((rng.randrange(10), rng.randrange(100), rng.randrange(3000), rng.randrange(10**9)))
    kind = rng.randrange(8)
    if kind < 3:
        return str(whole)
    if kind == 3:
        return f"{whole}.{rng.randrange(100)}"
    if kind == 4:
        return f"{whole},{rng.randrange(100)}"
    if kind == 5:
        return f"{whole:,}"
    if kind == 6:
        return f"{whole:,}".replace(",", ".")
    return rng.choice((f"${whole}", f"{whole}€", f"£{whole}.50", f"€{whole},99", f"{whole}$"))


def text(rng: random.Random, language: str) -> str:
    """Words of the texts of the goldens, numbers in many forms, signs and ordinals."""
    words = [word for line in CLEANED_TEXTS[language] for word in line.split()]
    parts = []
    for _ in range(rng.randrange(1, 8)):
        kind = rng.randrange(6)
        if kind < 3:
            parts.append(rng.choice(words))
        elif kind == 3:
            parts.append(number(rng))
        elif kind == 4:
            parts.append(f"{rng.randrange(120)}{rng.choice(ENDINGS[language])}")
        else:
            parts.append(rng.choice(SIGNS))
    return rng.choice((" ", " ", "")).join(parts)


def outcome(clean_one: Callable[[str, str], str], written: str, language: str) -> str | None:
    """None where it raises."""
    try:
        return clean_one(written, language)
    except Exception:
        return None


def main(n: int, languages: list[str]) -> None:
    upstream = VoiceBpeTokenizer()
    for language in languages:
        rng, differing, refused = random.Random(1), [], 0
        for _ in range(n):
            written = text(rng, language).lower()
            wanted = outcome(upstream.preprocess_text, written, language)
            got = outcome(clean, written, TAGS.get(language, language))
            refused += wanted is None
            if wanted is not None and got != wanted:
                differing.append((written, wanted, got))
        print(f"{language}: {n} texts, {refused} refused by upstream, {len(differing)} differ", flush=True)
        for written, wanted, got in sorted(differing, key=lambda each: len(each[0]))[:8]:
            print(f"  {written!r}\n    upstream {wanted!r}\n    here     {got!r}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2:] or list(CLEANED_TEXTS))
