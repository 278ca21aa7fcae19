"""Read numbers, dates, abbreviations and signs out as words."""

import unicodedata
from collections.abc import Sequence
from functools import cache

from locutor.errors import OptionError, TextError
from locutor.text.languages import LANGUAGES, parse_language
from locutor.text.lexicon import Lexicon
from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.rules import MASK, Replacement, Rule, apply_rules, assemble
from locutor.text.normalize.surface import plain, tidy, unspoken, visible

__all__ = ["Replacement", "explain", "normalize"]


@cache
def _rules_of(tag: str) -> tuple[Grammar, Sequence[Rule]]:
    if tag == "en":
        from locutor.text.normalize import en

        return en.GRAMMAR, en.RULES
    if tag == "pt-BR":
        from locutor.text.normalize import pt_br

        return pt_br.GRAMMAR, pt_br.RULES
    able = ", ".join(language.tag for language in LANGUAGES.values() if language.has_normalizer)
    raise OptionError(f"no text normaliser for {tag!r}; there are normalisers for {able}")


def _lexicon_claims(text: str, language: str, lexicon: Lexicon | None) -> list[Replacement]:
    matches = lexicon.matches(text, language) if lexicon else []
    return [
        Replacement(match.span(), match[0], plain(match[0] if entry.phonemes else entry.spoken), "lexicon")
        for match, entry in matches
    ]


def _replacements(text: str, language: str, lexicon: Lexicon | None) -> tuple[str, list[Replacement]]:
    """The plain face of `text` (NFC, nothing invisible), and what is spoken otherwise in it, in order."""
    grammar, rules = _rules_of(language)
    claims = _lexicon_claims(text, language, lexicon)
    face = plain(text, thousands="." if grammar.decimal == "," else ",")
    pieces, end = [], 0
    for claim in claims:
        start, stop = claim.span
        pieces += [face[end:start], MASK * (stop - start)]
        end = stop
    found, masked = apply_rules(text, "".join(pieces) + face[end:], rules)
    found += claims + unspoken(text, masked, grammar.symbols.get)
    return face, sorted(found, key=lambda r: r.span)


def explain(text: str, language: str, lexicon: Lexicon | None = None) -> list[Replacement]:
    """Each stretch of the text that is spoken otherwise than written, in order; spans count in the NFC form.

    language: any spelling of a language with a normaliser. What is left out has spoken "". White space and repeated
    punctuation are tidied without being listed. Raises OptionError for other languages.
    """
    composed = unicodedata.normalize("NFC", text)
    shown, positions = visible(composed)
    _, found = _replacements(shown, parse_language(language), lexicon)
    return [_as_written(each, composed, positions) for each in found if each.spoken != each.original]


def _as_written(each: Replacement, text: str, positions: Sequence[int]) -> Replacement:
    """The replacement with its place in the text that still has what nobody sees."""
    start, end = positions[each.span[0]], positions[each.span[1] - 1] + 1
    return Replacement((start, end), text[start:end], each.spoken, each.rule)


def normalize(text: str, language: str, lexicon: Lexicon | None = None) -> str:
    """The text as it will be spoken: words and , . ! ? ; : ' - only, no digits; blank lines between paragraphs stay.

    Words in the lexicon are respelled and then left alone. Raises TextError when nothing is left to speak, and
    OptionError for a language without a normaliser.
    """
    composed = unicodedata.normalize("NFC", text)
    face, found = _replacements(visible(composed)[0], parse_language(language), lexicon)
    spoken = tidy(assemble(face, found))
    if not spoken:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise TextError(f"nothing to speak in {shown!r}: give a text with letters or numbers")
    return spoken
