"""What coqui-tts does to a text before it becomes tokens, by language, so that a text meets what the model learned.

Numbers, ordinals and money go through num2words; abbreviations and signs are looked up in cleaning.yaml. Chinese,
Japanese and Korean are romanised.
"""

import re
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import Any

import yaml

from locutor.engines.xtts.romanize import romanized
from locutor.errors import OptionError

_DECIMAL = re.compile(r"([0-9]+[.,][0-9]+)")
_WHOLE = re.compile(r"[0-9]+")
_ENDLESS = re.compile(r"[0-9]{16,}")  # card numbers and the like; no language's num2words goes on for ever
_NUM2WORDS_FAILS = (ArithmeticError, RecursionError, LookupError, ValueError, TypeError, AttributeError, AssertionError)
_COMMA_GROUPS = re.compile(r"\b\d{1,3}(,\d{3})*(\.\d+)?\b")
_DOT_GROUPS = re.compile(r"\b\d{1,3}(.\d{3})*(\,\d+)?\b")
_MONEY = {
    code: re.compile(rf"({sign}[0-9.,]*[0-9]+|[0-9.,]*[0-9]+{sign})")
    for code, sign in (("GBP", "£"), ("USD", r"\$"), ("EUR", "€"))
}
_TURKISH = str.maketrans({"İ": "i", "Ö": "ö", "Ü": "ü"})
ROMANISED = ("zh-CN", "ja", "ko")


@dataclass(frozen=True)
class Rules:
    """Of one language. num2words: its name there. joint: what num2words puts between whole and hundredths of money."""

    num2words: str
    joint: str
    ordinal: re.Pattern[str] | None
    abbreviations: tuple[tuple[re.Pattern[str], str], ...]
    symbols: tuple[tuple[str, str], ...]


@cache
def rules_of(language: str) -> Rules:
    """Raises OptionError for a language that XTTS-v2 was not trained for."""
    content: dict[str, Any] = yaml.safe_load(
        (resources.files("locutor.engines.xtts") / "cleaning.yaml").read_text(encoding="utf-8")
    )
    if language not in content:
        raise OptionError(f"XTTS-v2 does not speak {language!r}; it speaks {', '.join(content)}")
    entry = content[language]
    end = r"\b" if language == "ru" else r"\."
    return Rules(
        num2words=language.split("-")[0],
        joint=entry.get("joint", ", "),
        ordinal=re.compile(entry["ordinal"]) if "ordinal" in entry else None,
        abbreviations=tuple(
            (re.compile(rf"\b{short}{end}", re.IGNORECASE), long)
            for short, long in entry.get("abbreviations", {}).items()
        ),
        symbols=tuple(entry["symbols"].items()),
    )


def clean(text: str, language: str) -> str:
    """A lower-case text as the model was shown it. Raises OptionError, MissingExtraError for a romaniser."""
    if language == "ja":
        return romanized(text, language)
    rules = rules_of(language)
    text = text.replace('"', "")
    if language == "tr":
        text = text.translate(_TURKISH)
    text = _numbers(text.lower(), language, rules)
    for pattern, word in rules.abbreviations:
        text = pattern.sub(word, text)
    for sign, word in rules.symbols:
        text = text.replace(sign, f" {word} ").replace("  ", " ")
    text = re.sub(r"\s+", " ", text.strip()).strip()
    return romanized(text, language) if language in ROMANISED else text


def _numbers(text: str, language: str, rules: Rules) -> str:
    if language == "zh-CN":
        from locutor.engines.xtts.chinese import read_numbers

        return read_numbers(text)
    text = _ENDLESS.sub(lambda m: " ".join(m[0]), text)
    if language in ("en", "ru"):
        text = _COMMA_GROUPS.sub(lambda m: m[0].replace(",", ""), text)
    else:
        text = _DOT_GROUPS.sub(lambda m: m[0].replace(".", ""), text)
    text = _money(text, rules)
    if language != "tr":
        text = _DECIMAL.sub(lambda m: _words(float(m[1].replace(",", ".")), rules), text)
    if rules.ordinal:
        text = rules.ordinal.sub(lambda m: _words(int(m[1]), rules, ordinal=True), text)
    return _WHOLE.sub(lambda m: _words(int(m[0]), rules), text)


def _words(number: float, rules: Rules, ordinal: bool = False) -> str:
    """As num2words has it; where it lacks a language's ordinals the cardinal, where it lacks the language the digits,
    and where it fails on a number (Hungarian with many decimals) its parts one by one.

    Upstream breaks off in all these cases (Czech; Hindi; Hungarian).
    """
    from num2words import num2words

    try:
        return str(num2words(number, ordinal=ordinal, lang=rules.num2words))
    except NotImplementedError:
        return _words(number, rules) if ordinal else _written(number)
    except _NUM2WORDS_FAILS:
        return _words(number, rules) if ordinal else " ".join(_written(number))


def _written(number: float) -> str:
    return f"{number:g}" if number % 1 else str(int(number))


def _money(text: str, rules: Rules) -> str:
    """Sums as words where num2words knows the currency in the language; else they stay and their sign is read."""
    for currency, pattern in _MONEY.items():
        try:
            text = pattern.sub(partial(_sum, currency=currency, rules=rules), text)
        except (NotImplementedError, *_NUM2WORDS_FAILS):
            return text
    return text


def _sum(match: re.Match[str], currency: str, rules: Rules) -> str:
    from num2words import num2words

    amount = float(re.sub(r"[^\d.]", "", match[0].replace(",", ".")))
    words = str(num2words(amount, to="currency", currency=currency, lang=rules.num2words))
    if amount.is_integer() and rules.joint in words:
        words = words[: words.rfind(rules.joint)]
    return words
