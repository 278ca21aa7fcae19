"""The catalogue of a language: words by themselves, and finished sentences with values in them.

Errors are raised as English sentences with the offending value in place. Their translations are looked up by the
sentence's pattern: the catalogue has `there is no job {0}` as its message id, which fits "there is no job 'x'", and the
value is put into the translation. So nothing that raises knows of languages, and a sentence that was stored (the error
of a job) can still be read in another language. A value of several words may be such a sentence itself: the reason of
another error.
"""

import gettext as gnu
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

DOMAIN = "locutor"
LOCALES = Path(__file__).parent / "locales"
SOURCE = "en"
LANGUAGES = {"en": "English", "pt-BR": "Português (BR)"}
"""Tags of the languages that the page and the errors speak, each with its own name for itself."""

_PLACE = re.compile(r"\{(\d+)\}")
_MAX_SENTENCE = 4000
_MAX_DEPTH = 8  # of sentences in the values of sentences


class Catalogue:
    """Words of one language; what has no translation stays English."""

    def __init__(self, language: str, translations: gnu.NullTranslations) -> None:
        self.language, self.translations = language, translations
        self._messages = _messages(translations)
        self._sentences = sorted((key for key in self._messages if _PLACE.search(key)), key=_fixed_length, reverse=True)

    @property
    def messages(self) -> Mapping[str, str]:
        """Message ids and their translations, without plural forms."""
        return self._messages

    def sentence(self, text: str) -> str:
        """A finished sentence in this language: as it is, else by the most specific pattern that fits it."""
        return self._sentence(text, _MAX_DEPTH) if len(text) <= _MAX_SENTENCE else text

    def _sentence(self, text: str, depth: int) -> str:
        if text in self._messages or depth == 0:
            return self._messages.get(text, text)
        for key in self._sentences:
            if (values := _values(key, text)) is not None:
                told = {name: self._sentence(v, depth - 1) if " " in v else v for name, v in values.items()}
                return _filled(self._messages[key], told)
        return text


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a tag of LANGUAGES; the one of English is empty."""
    if language == SOURCE:
        return Catalogue(language, gnu.NullTranslations())
    return Catalogue(language, gnu.translation(DOMAIN, LOCALES, [language.replace("-", "_")]))


def translate(text: str, language: str) -> str:
    """A finished sentence in a language of LANGUAGES."""
    return catalogue(language).sentence(text)


def choose_language(wishes: Iterable[str]) -> str:
    """The first of the wished tags that there is, by its whole or its first part; English when there is none.

    A wish may be a whole Accept-Language header or a locale such as pt_BR.UTF-8.
    """
    for wish in wishes:
        for tag in _by_weight(wish):
            for language in LANGUAGES:
                if tag in (language.lower(), language.split("-")[0]):
                    return language
                if tag.split("-")[0] == language.split("-")[0]:
                    return language
    return SOURCE


def _by_weight(header: str) -> list[str]:
    """Tags of an Accept-Language header, most wanted first; those of weight 0 are not wanted."""
    weighted = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _, rest = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", rest)
        weighted.append((-float(weight[1]) if weight else -1.0, place, tag.partition(".")[0].replace("_", "-").lower()))
    return [tag for weight, _, tag in sorted(weighted) if weight and tag]


def _messages(translations: gnu.NullTranslations) -> dict[str, str]:
    catalogue: Mapping[object, str] = getattr(translations, "_catalog", {})
    return {key: text for key, text in catalogue.items() if isinstance(key, str) and key and text}


def _fixed_length(key: str) -> int:
    return len(_PLACE.sub("", key))


def _filled(key: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], key)


def _values(key: str, text: str) -> dict[str, str] | None:
    """What stands in the places of a sentence, None when it is another one; in time that grows with the text alone.

    Each place holds as little as it can, and the last one all that remains; one that comes twice holds the same.
    """
    first, *rest = _PLACE.split(key)
    if not (text.startswith(first) and text.endswith(rest[-1])):
        return None
    values: dict[str, str] = {}
    start, end = len(first), len(text) - len(rest[-1])
    for name, fixed in zip(rest[:-2:2], rest[1:-1:2], strict=True):
        found = text.find(fixed, start, end)
        if found < 0 or values.setdefault(name, text[start:found]) != text[start:found]:
            return None
        start = found + len(fixed)
    is_last_known = start <= end and values.setdefault(rest[-2], text[start:end]) == text[start:end]
    return values if is_last_known else None
