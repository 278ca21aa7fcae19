"""The English normaliser (American dates: month before day)."""

import re

from locutor.text.normalize import en_numbers as numbers
from locutor.text.normalize import en_words as words
from locutor.text.normalize.addresses import address_rules
from locutor.text.normalize.en_calendar import date_rules, time_rules, weekday_rules
from locutor.text.normalize.en_roman import roman_rules
from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.money import money_rules
from locutor.text.normalize.numbers import FRACTION_GLYPHS, number_source, parse_number
from locutor.text.normalize.quantity import mark_rule, measure_rules, quantity_source, say_quantity, with_spellings
from locutor.text.normalize.rules import MASK, Rule, kept_stop, rule
from locutor.text.normalize.signs import code_rule, comparison_rules, leftover_rules, operator_rules
from locutor.text.normalize.spelling import spelling_rules
from locutor.text.normalize.verses import verse_rules

GRAMMAR = Grammar(
    language="en",
    decimal=numbers.DECIMAL,
    number_source=number_source(numbers.DECIMAL),
    cardinal=numbers.cardinal,
    number=numbers.number,
    is_plural=numbers.is_plural,
    digit_words=numbers.DIGITS,
    and_="and",
    to="to",
    per="per",
    minus="minus",
    of_scale="",
    percent="percent",
    per_mille="per mille",
    hashtag="hashtag",
    currencies=words.CURRENCIES,
    scales=words.SCALES,
    units=with_spellings(words.UNITS),
    symbols=words.SYMBOLS,
    operators=words.OPERATORS,
    web=words.WEB,
    spelling=words.SPELLING,
    starters=words.STARTERS,
    abbreviations=frozenset(words.ABBREVIATIONS) | frozenset(words.BEFORE_NUMBER) | {"St", "Dr"},
)


def phone_rules() -> list[Rule]:
    return [
        code_rule(
            "phone",
            r"(?<![\w.,-])(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}(?![\w-])",
            GRAMMAR,
        ),
        code_rule("phone", r"(?<![\w.+])\+\d{1,3}(?:[\s.-]?\(?\d{1,5}\)?){2,5}(?![\w-])", GRAMMAR),
        code_rule("phone", r"(?<![\w.,$-])\d{3}-\d{4}(?![\w-])", GRAMMAR),
        code_rule("identity number", r"(?<![\w.,-])\d{3}-\d{2}-\d{4}(?![\w-])", GRAMMAR),
        code_rule(
            "emergency number",
            r"(?:(?i:(?<=\bcall )|(?<=\bdial )|(?<=\bcalled )))(?:[2-9]11|999|112|988)(?![\w-]|[.,]\d)",
            GRAMMAR,
        ),
        code_rule("card number", r"(?<![\w.,-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-])", GRAMMAR),
        code_rule("zip code", r"(?<=[A-Z]{2} )\d{5}(?:-\d{4})?(?![\w-])", GRAMMAR),
        code_rule("number sequence", r"(?<![\w.,-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])", GRAMMAR),
    ]


_DENOMINATORS = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 32, 64, 100, 1000}


def _say_fraction(match: re.Match[str]) -> str | None:
    numerator, denominator = int(match["numerator"]), int(match["denominator"])
    if denominator == 0:
        return None
    if denominator not in _DENOMINATORS or numerator >= denominator:
        link = " out of " if numerator == denominator else " "
        pair = f"{numbers.cardinal(match['numerator'])}{link}{numbers.cardinal(match['denominator'])}"
        return pair if match["whole"] is None else None
    spoken = numbers.fraction(numerator, denominator)
    if match["whole"] is None:
        return spoken
    spoken = f"a {spoken[4:]}" if numerator == 1 else spoken
    return f"{numbers.cardinal(match['whole'])} and {spoken}"


def _say_glyph(match: re.Match[str]) -> str:
    spoken = numbers.fraction(*FRACTION_GLYPHS[match["glyph"]])
    if match["whole"] is None:
        return spoken
    return f"{numbers.cardinal(match['whole'])} and {re.sub('^one ', 'a ', spoken)}"


def fraction_rules() -> list[Rule]:
    return [
        rule(
            "fraction", rf"(?<![\d.,/])(?:(?P<whole>\d{{1,4}})\s?)?(?P<glyph>[{''.join(FRACTION_GLYPHS)}])", _say_glyph
        ),
        rule(
            "fraction",
            r"(?<![\w/.,])(?:(?P<whole>\d{1,4})\s)?(?P<numerator>\d{1,4})/(?P<denominator>\d{1,4})(?![\w/]|[.,]\d)",
            _say_fraction,
        ),
    ]


def _say_saint_or_street(match: re.Match[str]) -> str:
    text = match.string
    following = re.compile(r"\s([A-Z]\w*)").match(text, match.end())
    preceding = re.search(rf"([A-Z\d{MASK}]\w*(?:'s)?)\s$", text[max(0, match.start() - 30) : match.start()])
    is_street = preceding is not None and preceding[1] not in words.PREPOSITIONS
    if following and following[1] in words.SAINTS:
        is_street = False
    return f"Street{kept_stop(match, words.STARTERS)}" if is_street else "Saint"


def _say_doctor(match: re.Match[str]) -> str:
    following = re.compile(r"\s([A-Z]\w*)").match(match.string, match.end())
    after_name = re.search(r"[A-Z]\w*\s$", match.string[max(0, match.start() - 30) : match.start()])
    is_street = after_name and (not following or following[1] in words.STARTERS)
    return ("Drive" if is_street else "Doctor") + (
        kept_stop(match, words.STARTERS) if not following or is_street else ""
    )


# "100 W. 42nd St."
_COMPASS = (
    rf"(?<=\d\s)[NSEW]\.(?=\s(?:\d+(?:st|nd|rd|th)|[A-Z][a-z]{{1,20}})\s(?:St|Dr|{'|'.join(words.STREET)})(?!\w))"
)


def abbreviation_rules() -> list[Rule]:
    known = "|".join(re.escape(a) for a in sorted(words.ABBREVIATIONS, key=len, reverse=True))
    numbered = "|".join(sorted(words.BEFORE_NUMBER, key=len, reverse=True))
    bare_titles = "Mr|Mrs|Ms|Dr"
    return [
        rule("abbreviation", r"(?<!\w)St\.(?!\w)", _say_saint_or_street),
        rule("abbreviation", r"(?<!\w)Dr\.(?!\w)", _say_doctor),
        rule("abbreviation", rf"(?<![\w.])(?:{numbered})\.\s?(?=\d)", _say_numbered),
        rule(
            "abbreviation",
            rf"(?<![\w.])(?P<short>{known})\.(?!\w)",
            lambda m: words.ABBREVIATIONS[m["short"]] + kept_stop(m, words.STARTERS),
        ),
        rule(
            "abbreviation",
            rf"(?<!\w)(?P<short>{bare_titles})(?=\s[A-Z])",
            lambda m: {**words.TITLES, "Dr": "Doctor"}[m["short"]],
        ),
        rule("abbreviation", r"(?<!\w)[Nn][º°](?!\w)", lambda m: "number"),
        rule("abbreviation", r"(?<![\w/])w/o(?!\w)", lambda m: "without"),
        rule("abbreviation", r"(?<![\w/])w/(?=\s|\w)", lambda m: "with"),
        rule("abbreviation", r"(?<!\w)(?i:vs)(?![\w.])", lambda m: "versus"),
    ]


def _say_numbered(match: re.Match[str]) -> str:
    return words.BEFORE_NUMBER[match[0].rstrip(". ")]


_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|year|by|until|till|from|of|before|after|during|circa|to|early|late|mid|class of)\s|[(-])$", re.I
)
# Plurals; "-ss", "-is", "-us" end singulars.
_COUNTED_AFTER = re.compile(rf"\s(?!(?:{'|'.join(sorted(words.NOT_COUNTED))})(?!\w))[a-z]+(?<![siu])s(?![\w'])")
# "the 2016 elections", but "the 1500 soldiers" and "the 2000 people".
_DATED = re.compile(r"\b(?:the|this|that|its|his|her|their|our|my|'s)\s$", re.I)


def _say_number(match: re.Match[str]) -> str | None:
    digits = match["low"]
    if match["high"] or match["sign"] or not re.fullmatch(r"1[1-9]\d\d|20\d\d", digits):
        if match["high"] and all(re.fullmatch(r"1[1-9]\d\d|20\d\d", match[g]) for g in ("low", "high")):
            return f"{numbers.year(int(digits))} to {numbers.year(int(match['high']))}"
        return say_quantity(match, GRAMMAR)
    if match.string[match.end() : match.end() + 1] == MASK:
        return say_quantity(match, GRAMMAR)  # "1920x1080"
    preceding = match.string[max(0, match.start() - 10) : match.start()]
    dated = digits >= "1900" and not digits.endswith("00") and _DATED.search(preceding)
    if dated or _YEAR_BEFORE.search(preceding) or not _COUNTED_AFTER.match(match.string, match.end()):
        return numbers.year(int(digits))
    return say_quantity(match, GRAMMAR)


def _say_scaled(match: re.Match[str]) -> str:
    return f"{say_quantity(match, GRAMMAR)} {words.SCALES[match['scale'].lower()].one}"


def number_rules() -> list[Rule]:
    quantity = quantity_source(GRAMMAR)
    return [
        rule("abbreviation", _COMPASS, lambda m: words.COMPASS[m[0][0]]),
        rule(
            "decade",
            r"(?<![\w.,])'?(?P<decade>\d{0,2}\d0)'?s(?!\w)",
            lambda m: numbers.decade(int(m["decade"])),
        ),
        rule(
            "ordinal",
            r"(?<![\w.])(?P<digits>\d{1,3}(?:,\d{3}){0,3}|\d{1,12})(?:st|nd|rd|th)(?!\w)",
            lambda m: numbers.ordinal(int(m["digits"].replace(",", ""))),
            re.I,
        ),
        rule("ordinal", r"(?<![\w.,])(\d{1,9})ª(?!\w)", lambda m: numbers.ordinal(int(m[1]))),
        rule("height", r"(?<![\w.,])(\d)'\s?(\d{1,2})(?:\"|'')?(?!\w)", _say_height),
        rule("height", r"(?<![\w.,-])([1-9])m(0[1-9]|[1-9]\d)(?!\w)", _say_metric_height),
        rule("scale", rf"{quantity}\s?(?P<scale>k|M|bn|tn|mn)(?![\w/])", _say_scaled),
        rule("scale", rf"{quantity}(?P<scale>K)(?<=\d\dK)(?!\w)", _say_scaled),
        rule("cents", r"(?<!\w)\$\.(\d\d)(?![\d.,]\d|\d)", lambda m: f"{numbers.cardinal(str(int(m[1])))} cents"),
        rule("number", r"(?<![\w.,])\.(\d{1,9})(?!\w)", lambda m: f"point {numbers.spell_digits(m[1])}"),
        rule("number sign", r"(?<![\w&])#\s?(?=\d)", lambda m: "number"),
        rule(
            "times",
            rf"(?<![\w.,])(?P<low>{GRAMMAR.number_source})x(?!\w)",
            lambda m: f"{numbers.number(parse_number(m['low'], '.'))} times",
        ),
    ]


def _say_height(match: re.Match[str]) -> str:
    return f"{numbers.cardinal(match[1])} foot {numbers.cardinal(match[2])}"


def _say_metric_height(match: re.Match[str]) -> str:
    return f"{numbers.cardinal(match[1])} meter{'' if match[1] == '1' else 's'} {numbers.cardinal(str(int(match[2])))}"


def _build() -> tuple[Rule, ...]:
    return (
        *comparison_rules(GRAMMAR),
        *address_rules(GRAMMAR),
        *verse_rules(GRAMMAR, words.BOOKS, words.VERSE_LINK, words.BOOK_NUMBERS),
        *weekday_rules(),
        *date_rules(),
        *time_rules(),
        *phone_rules(),
        *money_rules(GRAMMAR),
        *fraction_rules(),
        *number_rules(),
        mark_rule(GRAMMAR, '"', words.UNITS["inch"], words.BEFORE_NOUN),
        mark_rule(GRAMMAR, "'", words.UNITS["ft"], words.BEFORE_NOUN, after=r"(?=\s[a-z]{3})"),
        *measure_rules(GRAMMAR),
        *roman_rules(),
        *abbreviation_rules(),
        *operator_rules(GRAMMAR),
        rule("hyphen", r"(?<=[^\W\d_])-(?=\d)", lambda m: ""),
        code_rule("account number", r"(?<![\w.,$€£-])\d{5,12}-\d(?![\w-]|[.,]\d)", GRAMMAR),
        rule("number", quantity_source(GRAMMAR), _say_number),
        *leftover_rules(GRAMMAR),
        *spelling_rules(
            words.SPELLING,
            single_letters="[b-hj-np-z]",
            word_letters="A",
            letter_nouns="vitamin|plan|grade|group|type|section|letter|hepatitis|option|class|team|exhibit|appendix",
            and_=GRAMMAR.and_,
            starters=words.STARTERS,
        ),
        rule("slash", rf"(?<=[\w{MASK}])\s?/\s?(?=[\w{MASK}])", lambda m: ""),
    )


RULES = _build()
