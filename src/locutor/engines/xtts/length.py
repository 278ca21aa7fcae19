"""How long a text is when spoken: what tells speech that will not end from speech that has not ended yet.

coqui-tts warns above a number of characters that differs by language; all of these numbers stand for about the same
time, so they say how fast each script is spoken.
"""

from locutor.engines.xtts.config import CODE_RATE

CHAR_LIMITS = {
    "en": 250,
    "es": 239,
    "fr": 273,
    "de": 253,
    "it": 213,
    "pt-BR": 203,
    "pl": 224,
    "tr": 226,
    "ru": 182,
    "nl": 251,
    "cs": 186,
    "ar": 166,
    "zh-CN": 82,
    "ja": 71,
    "hu": 224,
    "ko": 95,
    "hi": 150,
}
LIMIT_S = 16.7  # 250 characters of English at 15 a second
GENEROUS = 1.6  # slow speakers
PAUSES_S = 1.5  # at the edges


def expected_codes(text: str, language: str) -> float:
    """Audio codes after which the speech should long have ended. text: as written, before it is romanised."""
    return (GENEROUS * spoken_s(text, language) + PAUSES_S) * CODE_RATE


def spoken_s(text: str, language: str) -> float:
    """Seconds that an ordinary speaker needs."""
    return len(text) * LIMIT_S / CHAR_LIMITS[language]
