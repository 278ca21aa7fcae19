"""Roman numerals in English: after names, centuries and numbered things."""

import re

from locutor.text.normalize import en_numbers as numbers
from locutor.text.normalize.numbers import parse_roman
from locutor.text.normalize.rules import Rule, rule

_CARDINAL_NOUNS = (
    "War|Chapter|Act|Scene|Part|Volume|Vol|Book|Section|Article|Title|Phase|Type|Class|Level|Stage|Bowl|Appendix|"
    "Figure|Table|Grade|Step|Unit|Mark|Final Fantasy|Apollo|Rocky"
)
RULERS = (
    "Elizabeth|Charles|James|Henry|George|William|Edward|Richard|Louis|Philip|Napoleon|Peter|Catherine|Nicholas|"
    "Alexander|Ivan|Frederick|Leopold|Benedict|Pius|Paul|Gregory|Leo|Innocent|Clement|Urban|Francis|Pedro|Alfonso|"
    "Ferdinand|Isabella|Mary|Ramses|Ptolemy|Cleopatra|Darius|Xerxes|Haakon|Gustav|Christian|Baldwin|Otto|"
    "Juan Carlos|Felipe"
)
# After "Charles I" these would make "I" the pronoun.
_PRONOUN_VERBS = "am|think|have|know|will|would|can|could|do|did|mean|like|want|hope|see|saw|met|love"


def _say_regnal(match: re.Match[str]) -> str | None:
    value = parse_roman(match["numeral"])
    return None if value is None else f"{match['name']} the {numbers.ordinal(value)}"


def _say_counted_roman(match: re.Match[str]) -> str | None:
    value = parse_roman(match["numeral"])
    return None if value is None else f"{match['name']} {numbers.cardinal(str(value))}"


def _say_century(match: re.Match[str]) -> str | None:
    value = parse_roman(match["numeral"].upper())
    return None if value is None else f"{numbers.ordinal(value)} {match['noun']}"


def roman_rules() -> list[Rule]:
    return [
        rule("roman numeral", r"(?<!\w)(?P<numeral>[IVX]{1,6})\s(?P<noun>[Cc]entur(?:y|ies))(?!\w)", _say_century),
        rule(
            "roman numeral",
            rf"(?<!\w)(?P<name>{_CARDINAL_NOUNS}|{_CARDINAL_NOUNS.lower()})\s(?P<numeral>[IVXLC]{{1,8}})(?![\w'])",
            _say_counted_roman,
        ),
        rule(
            "roman numeral",
            rf"(?<!\w)(?P<name>{RULERS})\s(?P<numeral>[IVX]{{1,6}})(?!\w)(?!(?<=\sI)(?:'[mdlv]|\s(?:{_PRONOUN_VERBS})\b))",
            _say_regnal,
        ),
        rule(
            "roman numeral",
            r"(?<!\w)(?P<name>[A-Z][a-z]{1,20})\s(?P<numeral>(?=[IVX]{2,6}(?!\w))X{0,3}(?:IX|IV|V?I{0,3}))(?!\w)",
            _say_counted_roman,
        ),
    ]
