"""In which script a language is written, so that a text in another one is refused instead of babbled.

The vocabulary knows the signs of many scripts, but the model has met each only in its own languages.
"""

import unicodedata
from collections import Counter

LATIN = "LATIN"  # brand names and the like stand in texts of every language
SCRIPTS = {
    "ru": ("CYRILLIC",),
    "ar": ("ARABIC",),
    "hi": ("DEVANAGARI",),
    "zh-CN": ("CJK",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
    "ko": ("HANGUL", "CJK"),
}


def foreign_script(text: str, language: str) -> str | None:
    """The script that most letters of the text are in, where that is none of the language's; as Unicode names it."""
    own = (LATIN, *SCRIPTS.get(language, ()))
    names = [unicodedata.name(char, "") for char in text if char.isalpha()]
    foreign = Counter(name.split()[0] for name in names if name and not any(script in name for script in own))
    if foreign.total() * 2 <= len(names):
        return None
    return foreign.most_common(1)[0][0].capitalize()
