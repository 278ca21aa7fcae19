"""Chapter and verse of a book of the Bible ("John 3:16"), which are no time of day."""

import re
from collections.abc import Sequence

from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.quantity import DASH
from locutor.text.normalize.rules import Rule, rule


def verse_rules(grammar: Grammar, books: str, link: str, numbers: Sequence[str]) -> list[Rule]:
    """books: alternatives of their names. link: between chapter and verse. numbers: of "1 John", "2 John", "3 John"."""

    def say(match: re.Match[str]) -> str:
        number = f"{numbers[int(match['number']) - 1]} " if match["number"] else ""
        verses = f" {grammar.to} ".join(grammar.cardinal(v, "m") for v in (match["low"], match["high"]) if v)
        return f"{number}{match['book']} {grammar.cardinal(match['chapter'], 'm')}{link}{verses}"

    return [
        rule(
            "verse",
            rf"(?<!\w)(?:(?P<number>[1-3])\s)?(?P<book>{books})\s(?P<chapter>[1-9]\d{{0,2}}):(?P<low>[1-9]\d{{0,2}})"
            rf"(?:{DASH}(?P<high>\d{{1,3}}))?(?![\w:]|\s?[ap]\.?m|\sda\s)",
            say,
        ),
    ]
