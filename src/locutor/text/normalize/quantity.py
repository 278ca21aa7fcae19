"""Numbers, ranges and what is measured in them: percentages and units."""

import re
from collections.abc import Iterable, Mapping

from locutor.text.normalize.grammar import Grammar, Noun
from locutor.text.normalize.numbers import Gender, Number, parse_number
from locutor.text.normalize.rules import MASK, Rule, kept_stop, rule

DASH = r"[-–]"


def alternatives(words: Iterable[str]) -> str:
    """Regex source of any of the words, the longest first."""
    return "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))


# Units whose letters mean the same in any case, and those that many give a plural.
_CASELESS = ("km/h", "kg", "km", "cm", "ml", "kcal", "rpm", "kHz", "MHz", "GHz")
_PLURAL = ("kg", "km", "cm")


def with_spellings(units: Mapping[str, Noun]) -> dict[str, Noun]:
    """The units with the ways they are mistyped: "Km", "KG", "kgs", "m2"; a proper spelling stays what it is."""
    loose = {unit.replace("²", "2").replace("³", "3"): noun for unit, noun in units.items()}
    loose |= {f"{form}s": units[unit] for unit in _PLURAL for form in (unit, unit.capitalize())}
    for unit in _CASELESS:
        loose |= dict.fromkeys((unit.lower(), unit.capitalize(), unit.upper()), loose[unit])
    return loose | dict(units)


def quantity_source(grammar: Grammar) -> str:
    """Regex source of a number with its sign, or a range of two: groups sign, low, high."""
    number = grammar.number_source
    return (
        rf"(?P<sign>(?<![\w)\-.,{MASK}])-)?(?P<low>{number})"
        rf"(?:\s?{DASH}\s?(?P<high>{number}))?"
    )


def say_quantity(match: re.Match[str], grammar: Grammar, gender: Gender = "m") -> str:
    """The number or range that `quantity_source` matched."""
    low = parse_number(match["low"], grammar.decimal, bool(match["sign"]))
    high = parse_number(match["high"], grammar.decimal) if match["high"] else None
    return say_range(low, high, grammar, gender)


def say_range(low: Number, high: Number | None, grammar: Grammar, gender: Gender) -> str:
    said = grammar.number(low, gender)
    return said if high is None else f"{said} {grammar.to} {grammar.number(high, gender)}"


def last_number(match: re.Match[str], grammar: Grammar) -> Number:
    """The number that decides between singular and plural."""
    return parse_number(match["high"] or match["low"], grammar.decimal)


def _say_measure(match: re.Match[str], grammar: Grammar) -> str:
    unit = grammar.units[match["unit"]]
    word = unit.many if match["high"] or grammar.is_plural(last_number(match, grammar)) else unit.one
    return f"{say_quantity(match, grammar, unit.gender)} {word}{kept_stop(match, grammar.starters)}"


def _say_percent(match: re.Match[str], grammar: Grammar) -> str:
    sign = grammar.percent if match["unit"] == "%" else grammar.per_mille
    return f"{say_quantity(match, grammar)} {sign}"


# How far back an opening quote is looked for.
_QUOTE_WINDOW = 200


def _closes_quote(match: re.Match[str], mark: str) -> bool:
    """Whether the mark right after the number is the end of a quotation rather than a unit."""
    before = match.string[max(0, match.start() - _QUOTE_WINDOW) : match.start()].rpartition("\n")[2]
    is_open = False
    for found in re.finditer(mark, before):
        previous, following = before[: found.start()][-1:], before[found.end() :][:1]
        within_word = previous.isalpha() and following.isalpha()
        if not within_word and (is_open or not previous.isdigit()):
            is_open = not is_open
    return is_open


def mark_rule(grammar: Grammar, mark: str, unit: Noun, one_before: str, after: str = "") -> Rule:
    """The marks of inches and feet.

    one_before: what makes the unit a part of the noun after it ("a 16" screen"). after: what must follow.
    """
    attributive = re.compile(one_before)

    def say(match: re.Match[str]) -> str | None:
        if _closes_quote(match, mark):
            return None
        is_one = attributive.match(match.string, match.end()) or not grammar.is_plural(last_number(match, grammar))
        return f"{say_quantity(match, grammar, unit.gender)} {unit.one if is_one else unit.many}"

    return rule("unit", rf"(?<![\w=]){quantity_source(grammar)}{mark}(?![\w'\"]){after}", say)


# "5 ML models": before another word than these, an acronym.
_NO_ACRONYM = r"(?!(?<=\sML)\s(?!(?:of|and|or|de|e|ou|por|per)(?!\w))[^\W\d_])"


def measure_rules(grammar: Grammar) -> list[Rule]:
    """Percentages and units after a number; a unit after a slash ("R$ 5/kg")."""
    quantity, units = quantity_source(grammar), alternatives(grammar.units)
    low_sign = r"(?:\s?%(?=\s?[-–]))?"  # "10%-15%"
    number = grammar.number_source
    return [
        rule(
            "percentage",
            rf"(?P<sign>(?<![\w)\-.,{MASK}])-)?(?P<low>{number}){low_sign}"
            rf"(?:\s?{DASH}\s?(?P<high>{number}))?\s?(?P<unit>[%‰])",
            lambda m: _say_percent(m, grammar),
        ),
        rule(
            "unit",
            rf"{quantity}\s?(?P<unit>{units})(?![\w²³/']|[.,]\d){_NO_ACRONYM}",
            lambda m: _say_measure(m, grammar),
        ),
        rule(
            "unit",
            rf"(?<={MASK})\s?/\s?(?P<unit>{units})(?![\w²³/])",
            lambda m: f"{grammar.per} {grammar.units[m['unit']].one}",
        ),
        rule("per", rf"(?<={MASK})\s?/\s?(?=[^\W\d_]{{2}})", lambda m: grammar.per),
    ]
