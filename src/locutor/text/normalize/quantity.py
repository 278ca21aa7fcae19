"""Numbers, ranges and what is measured in them: percentages and units."""

import re
from collections.abc import Iterable

from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.numbers import Gender, Number, parse_number
from locutor.text.normalize.rules import MASK, Rule, kept_stop, rule

DASH = r"[-–]"


def alternatives(words: Iterable[str]) -> str:
    """Regex source of any of the words, the longest first."""
    return "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))


def quantity_source(grammar: Grammar) -> str:
    """Regex source of a number with its sign, or a range of two: groups sign, low, high."""
    number = grammar.number_source
    return (
        rf"(?P<sign>(?<![\w)\-.,{MASK}])-)?(?P<low>{number})"
        rf"(?:\s?{DASH}\s?(?P<high>{number}))?"
    )


def say_quantity(match: re.Match[str], grammar: Grammar, gender: Gender = "m") -> str:
    """The number or range that `quantity_source` matched."""
    low = grammar.number(parse_number(match["low"], grammar.decimal, bool(match["sign"])), gender)
    if match["high"] is None:
        return low
    return f"{low} {grammar.to} {grammar.number(parse_number(match['high'], grammar.decimal), gender)}"


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
            rf"{quantity}\s?(?P<unit>{units})(?![\w²³/'])",
            lambda m: _say_measure(m, grammar),
        ),
        rule(
            "unit",
            rf"(?<={MASK})\s?/\s?(?P<unit>{units})(?![\w²³/])",
            lambda m: f"{grammar.per} {grammar.units[m['unit']].one}",
        ),
        rule("per", rf"(?<={MASK})\s?/\s?(?=[^\W\d_]{{2}})", lambda m: grammar.per),
    ]
