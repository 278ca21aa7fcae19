"""Scripts that XTTS-v2 reads in Latin letters: pinyin, Hepburn, Revised Romanization."""

from functools import cache
from typing import Any

from locutor.errors import MissingExtraError


def romanized(text: str, language: str) -> str:
    """text in zh-CN, ja or ko. Raises MissingExtraError without the package that does it."""
    return {"zh-CN": _pinyin, "ja": _romaji, "ko": _hangul}[language](text)


def _pinyin(text: str) -> str:
    """Syllables run together, each with its tone's number, 5 for none."""
    try:
        import pypinyin
    except ImportError as error:
        raise MissingExtraError("pypinyin", "xtts") from error
    syllables = pypinyin.pinyin(text, style=pypinyin.Style.TONE3, heteronym=False, neutral_tone_with_five=True)
    return "".join(syllable[0] for syllable in syllables)


def _romaji(text: str) -> str:
    return str(_cutlet().romaji(text)).lower()


@cache
def _cutlet() -> Any:
    try:
        import cutlet

        return cutlet.Cutlet()
    except ImportError as error:
        raise MissingExtraError("cutlet", "xtts-ja") from error


def _hangul(text: str) -> str:
    try:
        from ko_speech_tools import hangul_romanize
    except ImportError as error:
        raise MissingExtraError("ko-speech-tools", "xtts") from error
    return str(hangul_romanize(text))
