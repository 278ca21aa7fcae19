"""The machine under every normaliser: rules that claim spans of the text and say what is spoken there.

A claimed span is masked, so that later rules neither see it nor claim it again: the order of the rules is their
priority. Patterns must be linear in the text: possessive or bounded repetition, anchored by a look-behind.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Stands for each character of a claimed span (private use; removed from what users write).
MASK = "\ue000"
# Stands for the line break before an item of a list: white space to every pattern.
ITEM = "\x1e"

Say = Callable[[re.Match[str]], str | None]


@dataclass(frozen=True)
class Replacement:
    """A stretch of the text that is spoken otherwise than it is written.

    span: start and end in the NFC form of the text. spoken: the words, or "" for what is left out.
    """

    span: tuple[int, int]
    original: str
    spoken: str
    rule: str


@dataclass(frozen=True)
class Rule:
    """say: words for a match, "" to leave it out, None to decline (the rules after it may then claim it)."""

    name: str
    pattern: re.Pattern[str]
    say: Say


def rule(name: str, pattern: str, say: Say, flags: int = 0) -> Rule:
    return Rule(name, re.compile(pattern, flags), say)


def apply_rules(text: str, masked: str, rules: Sequence[Rule]) -> tuple[list[Replacement], str]:
    """What the rules claim of `text` where `masked` is still free, and the text masked further."""
    found: list[Replacement] = []
    for each in rules:
        masked = _apply_rule(each, text, masked, found)
    return found, masked


def _apply_rule(each: Rule, text: str, masked: str, found: list[Replacement]) -> str:
    def claim(match: re.Match[str]) -> str:
        spoken = each.say(match)
        if spoken is None:
            return match[0]
        found.append(Replacement(match.span(), text[match.start() : match.end()], spoken, each.name))
        return MASK * len(match[0])

    return each.pattern.sub(claim, masked)


_PARAGRAPH_END = re.compile(rf"\s*+$|[^\S\n{ITEM}]*+(?:\n[^\S\n]*+\n|{ITEM})")
# Not an initial: "J. A. Smith".
_CAPITALISED = re.compile(r"\s++([^\W\d_]++)(?!\.)")


def kept_stop(match: re.Match[str], starters: frozenset[str]) -> str:
    """The full stop of an abbreviation that also ends its sentence: before a word in `starters`, or at the end."""
    if not match[0].endswith("."):
        return ""
    if _PARAGRAPH_END.match(match.string, match.end()):
        return "."
    following = _CAPITALISED.match(match.string, match.end())
    return "." if following and following[1] in starters else ""


_GLUE = frozenset(" \n,.!?;:'-" + ITEM)  # beside these no space is put around spoken words


def assemble(text: str, replacements: Sequence[Replacement]) -> str:
    """The text with the replacements in place, kept apart from the words around them."""
    pieces: list[str] = []
    end, last = 0, " "  # last: what was put down last, which need not be what is written before the next one
    for each in sorted(replacements, key=lambda r: r.span):
        start, stop = each.span
        last = text[end:start][-1:] or last
        before = "" if last in _GLUE else " "
        after = "" if stop == len(text) or text[stop] in _GLUE else " "
        spoken = f"{before}{each.spoken}{after}" if each.spoken else " "
        pieces += [text[end:start], spoken]
        end, last = stop, spoken[-1]
    return "".join(pieces) + text[end:]
