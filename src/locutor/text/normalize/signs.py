"""Signs of arithmetic, and the digits that no other rule claims."""

import re
import unicodedata
from fractions import Fraction

from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.numbers import say_groups
from locutor.text.normalize.quantity import DASH, alternatives
from locutor.text.normalize.rules import MASK, Rule, rule


def comparison_rules(grammar: Grammar) -> list[Rule]:
    """Signs before a quantity ("~R$ 50"); they come first, while it still shows what the quantity is."""
    say, units = grammar.operators, alternatives(u for u in grammar.units if len(u) > 1)
    heart = rf"<3(?![\d.,%]|\s?(?:{units}|%)(?!\w))"
    amount = rf"(?:(?:{alternatives(grammar.currencies)})\s?)?-?[.,]?\d"
    return [
        rule(
            "sign",
            rf"(?<![^\s(\[\"'])(?!{heart})(?P<sign>[±~≈<>≤≥])(?P<minus>-(?=[.,]?\d))?(?=\s?{amount})",
            lambda m: say[m["sign"]] + (f" {grammar.minus}" if m["minus"] else ""),
        ),
    ]


_SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹"


def power_rule(grammar: Grammar) -> Rule:
    """ "10⁻³", "x⁴"; a square or a cube alone has its own word."""

    def say(match: re.Match[str]) -> str | None:
        digits = "".join(str(unicodedata.digit(char)) for char in match["digits"])
        if not match["minus"] and digits in ("2", "3"):
            return None
        minus = f"{grammar.minus} " if match["minus"] else ""
        return f"{grammar.operators['^']} {minus}{grammar.cardinal(digits, 'm')}"

    base = r"(?:(?<=\d)|(?<=(?<!\w)[^\W\d_])|(?<=\)))"
    return rule("power", rf"{base}(?:(?P<minus>⁻)|⁺)?(?P<digits>[{_SUPERSCRIPT}]{{1,9}})(?![{_SUPERSCRIPT}])", say)


def operator_rules(grammar: Grammar) -> list[Rule]:
    """Signs between or before numbers and single letters; everywhere else they fall to `Grammar.symbols`."""
    signs = alternatives(grammar.operators)
    term = rf"(?:\d|(?<!\w)[^\W\d_](?!\w)|[{MASK}√π∞(])"
    before = r"(?:(?<=[\d²³)!%π∞" + MASK + r"])|(?<=(?<!\w)[^\W\d_]))"
    say = grammar.operators

    def say_difference(match: re.Match[str]) -> str | None:
        if int(match[1]) <= int(match[2]):
            return None  # "5 - 10" is a range
        return f"{grammar.cardinal(match[1], 'm')} {grammar.minus} {grammar.cardinal(match[2], 'm')}"

    return [
        power_rule(grammar),
        rule("sign", r"(?<=\d)\s?-\s?(?=\d{1,9}\s?=)", lambda m: grammar.minus),
        rule(
            "sign",
            rf"{before}\s?(?P<sign>{signs})\s?(?P<minus>-)?(?={term})",
            lambda m: say[m["sign"]] + (f" {grammar.minus}" if m["minus"] else ""),
        ),
        rule("difference", r"(?<![\w.,])(\d{1,9})\s-\s(\d{1,9})(?![\w.,])", say_difference),
        rule("sign", r"(?<![\w)])(?P<sign>[+±~≈<>≤≥])\s?(?=\d)", lambda m: say[m["sign"]]),
    ]


def _say_numeral(match: re.Match[str], grammar: Grammar) -> str | None:
    if match[0] in grammar.symbols:
        return grammar.symbols[match[0]]
    if match[0].isalpha() or not match[0].isnumeric():
        return None
    value = Fraction(unicodedata.numeric(match[0])).limit_denominator(1000)
    whole = grammar.cardinal(str(abs(value.numerator)), "m")
    if value.denominator == 1:
        return whole
    return f"{whole} {grammar.web['/']} {grammar.cardinal(str(value.denominator), 'm')}"


def leftover_rules(grammar: Grammar) -> list[Rule]:
    """Whatever digits no other rule wanted: versions, codes, enumerations, numerals of other scripts."""

    def say_version(match: re.Match[str]) -> str:
        return f" {grammar.web['.']} ".join(grammar.cardinal(n, "m") for n in match[0].split("."))

    return [
        rule("version", r"(?<![\d.])\d+(?:\.\d+)++(?!\d)", say_version),
        rule("number", r"\d+", lambda m: grammar.cardinal(m[0], "m")),
        rule("number", r"[^\W\d_a-zA-ZÀ-ÖØ-öø-ʯ]", lambda m: _say_numeral(m, grammar)),
        rule("range", rf"(?<={MASK})\s?{DASH}\s?(?={MASK})", lambda m: grammar.to),
    ]


def code_rule(name: str, pattern: str, grammar: Grammar) -> Rule:
    """A rule that reads what it matches digit by digit, group by group."""
    plus = grammar.operators["+"]

    def say(match: re.Match[str]) -> str:
        prefix = f"{plus} " if match[0].startswith("+") else ""
        return prefix + say_groups(match[0], grammar.digit_words)

    return rule(name, pattern, say)
