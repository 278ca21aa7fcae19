"""The catalogue of a language: words by themselves, and finished sentences with values in them.

Errors are raised as English sentences with the offending value in place. Their translations are looked up by the
sentence's pattern: the catalogue has `there is no job {0}` as its message id, which fits "there is no job 'x'", and the
value is put into the translation. So nothing that raises knows of languages, and a sentence that was stored (the error
of a job) can still be read in another language.
"""

import gettext as gnu
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

DOMAIN = "locutor"
LOCALES = Path(__file__).parent / "locales"
SOURCE = "en"
LANGUAGES = {"en": "English", "pt-BR": "Português (Brasil)"}
"""Tags of the languages that the page and the errors speak, each with its own name for itself."""

_PLACE = re.compile(r"\{(\w+)\}")
_MAX_SENTENCE = 4000


class Catalogue:
    """Words of one language; what has no translation stays English."""

    def __init__(self, language: str, translations: gnu.NullTranslations) -> None:
        self.language, self.translations = language, translations
        self._messages = _messages(translations)
        patterned = sorted((key for key in self._messages if _is_sentence(key)), key=_fixed_length, reverse=True)
        self._patterns = [(_pattern(key), self._messages[key]) for key in patterned]

    @property
    def messages(self) -> Mapping[str, str]:
        """Message ids and their translations, without plural forms."""
        return self._messages

    def sentence(self, text: str) -> str:
        """A finished sentence in this language: as it is, else by the most specific pattern that fits it."""
        if text in self._messages:
            return self._messages[text]
        if len(text) > _MAX_SENTENCE:
            return text
        for pattern, translation in self._patterns:
            if found := pattern.fullmatch(text):
                return _PLACE.sub(lambda place: found[f"p{place[1]}"], translation)
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


def _is_sentence(key: str) -> bool:
    return _PLACE.search(key) is not None and _fixed_length(key) >= 8


def _fixed_length(key: str) -> int:
    return len(_PLACE.sub("", key))


def _pattern(key: str) -> re.Pattern[str]:
    """A regular expression that fits the sentence with any values; a name that comes twice must have the same value."""
    parts, seen = [], set()
    for text, place in zip(*[iter([*_PLACE.split(key), None])] * 2, strict=True):
        parts.append(re.escape(text or ""))
        if place is not None:
            parts.append(f"(?P=p{place})" if place in seen else f"(?P<p{place}>.*?)")
            seen.add(place)
    return re.compile("".join(parts), re.DOTALL)
