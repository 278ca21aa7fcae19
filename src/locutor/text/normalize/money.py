"""Sums of money."""

import re

from locutor.text.normalize.grammar import Grammar, Noun
from locutor.text.normalize.numbers import Gender, Number, parse_amount
from locutor.text.normalize.quantity import DASH, alternatives, say_range
from locutor.text.normalize.rules import Rule, rule


def _count(number: Number, noun: Noun, grammar: Grammar) -> str:
    word = noun.many if grammar.is_plural(number) else noun.one
    return f"{grammar.number(number, noun.gender)} {word}"


def _of(number: Number, grammar: Grammar) -> str:
    """ "de" in "um milhão de reais": after a whole number of millions."""
    millions = len(number.integer) > 6 and not number.fraction and not number.integer[-6:].strip("0")
    return f" {grammar.of_scale}" if grammar.of_scale and millions else ""


def _say_sum(amount: Number, symbol: str, grammar: Grammar) -> str:
    currency = grammar.currencies[symbol]
    unit = currency.unit
    if not amount.fraction.strip("0") or len(amount.fraction) > 2:
        number = amount if amount.fraction.strip("0") else Number(amount.integer)
        word = unit.many if grammar.is_plural(number) else unit.one
        return f"{grammar.number(number, unit.gender)}{_of(number, grammar)} {word}"
    cents = _count(Number(str(int(amount.fraction.ljust(2, "0")))), currency.cent, grammar)
    if not amount.integer.strip("0"):
        return cents
    return f"{_say_sum(Number(amount.integer), symbol, grammar)} {grammar.and_} {cents}"


def _amounts(match: re.Match[str], grammar: Grammar) -> tuple[Number, Number | None]:
    high = parse_amount(match["high"], grammar.decimal) if match["high"] else None
    return parse_amount(match["low"], grammar.decimal), high


def _has_cents(number: Number) -> bool:
    return bool(number.fraction.strip("0"))


def _say_scaled(match: re.Match[str], symbol: str, grammar: Grammar) -> str:
    scale, unit = grammar.scales[match["scale"].lower()], grammar.currencies[symbol].unit
    gender: Gender = unit.gender if scale.gender == "f" else "m"
    low, high = _amounts(match, grammar)
    words = [say_range(low, high, grammar, gender)]
    words.append(scale.many if grammar.is_plural(high or low) else scale.one)
    if grammar.of_scale and scale.gender != "f":
        words.append(grammar.of_scale)
    return " ".join([*words, unit.many])


def _say_money(match: re.Match[str], grammar: Grammar) -> str | None:
    symbol = match["symbol"] if match["symbol"] in grammar.currencies else match["symbol"].upper()
    minus = f"{grammar.minus} " if match["sign"] or match.groupdict().get("minus") else ""
    if match["scale"]:
        return minus + _say_scaled(match, symbol, grammar)
    low, high = _amounts(match, grammar)
    if high is None:
        return minus + _say_sum(low, symbol, grammar)
    gender = grammar.currencies[symbol].unit.gender
    in_full = _has_cents(low) or _has_cents(high)  # "10,50 a 20,90" said without the unit is two plain numbers
    first = _say_sum(low, symbol, grammar) if in_full else grammar.number(low, gender)
    return f"{minus}{first} {grammar.to} {_say_sum(high, symbol, grammar)}"


def money_rules(grammar: Grammar) -> list[Rule]:
    """Sums with the currency before or after the number, with a scale word, or as a range."""
    number = rf"(?:{grammar.number_source}|(?<!\d)(?<!\d[.,])\d+[.,]\d{{1,2}}(?![.,]?\d))"
    symbols = alternatives(grammar.currencies)
    words = alternatives(scale for scale in grammar.scales if len(scale) > 1)
    letters = alternatives(scale for scale in grammar.scales if len(scale) == 1)
    # "$5 t-shirt": a letter on its own does not multiply.
    scale = rf"(?:\s?(?P<scale>(?i:(?:{words})(?!\w)|(?:{letters})(?<!\st)(?![\w']|(?<=\s.)-))))?"
    high = rf"(?:\s?{DASH}\s?(?:{symbols})?\s?(?P<high>{number}))?"

    def say(match: re.Match[str]) -> str | None:
        return _say_money(match, grammar)

    return [
        rule(
            "currency",
            rf"(?P<minus>(?<![\w)\-])-\s?)?(?<!\w)(?P<symbol>{symbols})\s?(?P<sign>-)?(?P<low>{number}){high}{scale}",
            say,
        ),
        rule(
            "currency",
            rf"(?P<sign>(?<![\w)\-])-)?(?P<low>{number})(?:\s?{DASH}\s?(?P<high>{number}))?"
            rf"{scale}\s?(?P<symbol>{symbols})(?![\w$])",
            say,
        ),
    ]
