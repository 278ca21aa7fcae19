"""The languages Locutor knows by name, and how a user's spelling of one becomes its tag."""

import difflib
from dataclasses import dataclass

from locutor.errors import OptionError


@dataclass(frozen=True)
class Language:
    """One language.

    tag: BCP 47, as it is written everywhere in Locutor. aliases: other spellings, lower case, with hyphens.
    has_normalizer: numbers, dates and abbreviations can be read out (locutor.text.normalize).
    """

    tag: str
    name: str
    aliases: tuple[str, ...] = ()
    has_normalizer: bool = False


_KNOWN = (
    Language("en", "English", ("en-us", "eng", "american english"), has_normalizer=True),
    Language("pt-BR", "Brazilian Portuguese", ("pt", "por", "portuguese", "português"), has_normalizer=True),
    Language("es", "Spanish", ("spa", "español")),
    Language("fr", "French", ("fra", "français")),
    Language("de", "German", ("deu", "deutsch")),
    Language("it", "Italian", ("ita", "italiano")),
    Language("pl", "Polish", ("pol", "polski")),
    Language("tr", "Turkish", ("tur", "türkçe")),
    Language("ru", "Russian", ("rus", "русский")),
    Language("nl", "Dutch", ("nld", "nederlands")),
    Language("cs", "Czech", ("ces", "čeština")),
    Language("ar", "Arabic", ("ara", "العربية")),
    Language("zh-CN", "Chinese", ("zh", "zho", "mandarin", "中文")),
    Language("ja", "Japanese", ("jpn", "日本語")),
    Language("hu", "Hungarian", ("hun", "magyar")),
    Language("ko", "Korean", ("kor", "한국어")),
    Language("hi", "Hindi", ("hin", "हिन्दी")),
)

LANGUAGES: dict[str, Language] = {language.tag: language for language in _KNOWN}


def _spellings() -> dict[str, str]:
    spellings = {}
    for language in _KNOWN:
        for spelling in (language.tag, language.name, *language.aliases):
            spellings[spelling.casefold()] = language.tag
    return spellings


_SPELLINGS = _spellings()


def parse_language(tag: str) -> str:
    """The canonical tag for a tag, alias or English name, in any case and with `_` or `-`.

    Raises OptionError, with near matches and all tags, when the language is not known. Variants that are read out
    differently ("pt-PT", "en-GB") are not taken for their sisters.
    """
    spelling = tag.strip().casefold().replace("_", "-")
    if spelling in _SPELLINGS:
        return _SPELLINGS[spelling]
    near = dict.fromkeys(_SPELLINGS[s] for s in difflib.get_close_matches(spelling, _SPELLINGS, n=3))
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise OptionError(f"unknown language {tag!r}{hint}; known languages are {', '.join(LANGUAGES)}")
