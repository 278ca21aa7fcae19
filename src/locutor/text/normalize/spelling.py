"""Capitals and letters: what is spelled out, what is said as a word."""

import re
import unicodedata

from locutor.text.normalize.grammar import SpellingFacts
from locutor.text.normalize.rules import ITEM, MASK, Rule, kept_stop, rule

_UPPER = "A-ZÀ-ÖØ-Þ"
_LETTER = r"[^\W\d_ªº]"
# Characters looked at on each side of a word in capitals to see whether everything is in capitals there.
_SHOUT_WINDOW = 60
# Between an initial and a name: "R. da Silva".
_PARTICLES = r"(?:d[aeo]s?|del|di|von|van)\s"
_LINE_BREAK = re.compile(rf"[\n{ITEM}]")


def letter_names(word: str, facts: SpellingFacts) -> str:
    """The names of a word's letters; a letter without a name (another script) stays as it is."""
    return " ".join(_letter_name(letter, facts) for letter in word.lower())


def _letter_name(letter: str, facts: SpellingFacts) -> str:
    return facts.letters.get(letter) or facts.letters.get(unicodedata.normalize("NFD", letter)[0], letter)


def say_label(word: str, facts: SpellingFacts) -> str:
    """A piece of an address: spelled out when it cannot be said."""
    upper = word.upper()
    if upper in facts.words:
        return facts.words[upper]
    has_vowel = bool(re.search(r"[aeiouyà-ü]", word.lower()))
    short = len(word) <= 3 and not facts.syllables.fullmatch(word.lower())
    if upper in facts.spelled or not has_vowel or (short and word.isascii()):
        return letter_names(word, facts)
    return word


def _is_shouted(match: re.Match[str]) -> bool:
    start, end = match.span()
    before = _LINE_BREAK.split(match.string[max(0, start - _SHOUT_WINDOW) : start])[-1]
    after = _LINE_BREAK.split(match.string[end : end + _SHOUT_WINDOW], maxsplit=1)[0]
    nearby = f"{before} {after}"
    return bool(re.search(rf"[{_UPPER}]{{2}}", nearby)) and not any(c.islower() for c in nearby)


def _say_capitals(match: re.Match[str], facts: SpellingFacts) -> str:
    word, plural = match["word"], match["plural"] or ""
    if word in facts.words:
        return facts.words[word] + plural
    shouted = _is_shouted(match)
    if not _is_word(word, shouted, facts):
        return letter_names(word, facts) + plural
    goes_on = shouted and re.search(rf"[\w,{MASK}] $", match.string[max(0, match.start() - 2) : match.start()])
    return (word.lower() if goes_on else word.capitalize()) + plural


def _is_word(word: str, shouted: bool, facts: SpellingFacts) -> bool:
    if len(word) == 2:
        return word in facts.short_words and (shouted or word not in facts.spelled)
    if word in facts.spelled:
        return False
    sayable = facts.syllables.fullmatch(word.lower()) is not None
    return sayable or ((shouted or len(word) > 5) and bool(re.search("[AEIOUÀ-Ü]", word)))


def spelling_rules(
    facts: SpellingFacts,
    single_letters: str,
    word_letters: str,
    letter_nouns: str,
    and_: str,
    starters: frozenset[str],
) -> list[Rule]:
    """Rules for acronyms, initials and single letters.

    single_letters: a character class of the letters that are no word on their own. word_letters: capitals that are a
    word on their own and are written small among capitals. letter_nouns: alternatives of
    the words after which any capital is a letter's name ("vitamin A"). starters: see `Grammar`.
    """

    def spell(match: re.Match[str]) -> str:
        return letter_names(re.sub(r"[\W_]", "", match[0]), facts)

    def spell_keeping_stop(match: re.Match[str]) -> str:
        return spell(match) + kept_stop(match, starters)

    def spell_initial(match: re.Match[str]) -> str | None:
        stop = kept_stop(match, starters)
        is_word = not re.match(f"{single_letters}|[{word_letters}]", match[0], re.I)  # "So do I. They know."
        return None if stop and is_word else spell(match) + stop

    mixed = "|".join(sorted((w for w in facts.words if not w.isupper()), key=len, reverse=True)) or "(?!)"
    apart = rf"(?<![\w'{MASK}]){{}}(?![\w'{MASK}])"

    def spell_around_and(match: re.Match[str]) -> str:
        return f" {and_} ".join(letter_names(letters, facts) for letters in match[0].split("&"))

    def lower_among_capitals(match: re.Match[str]) -> str | None:
        return match[0].lower() if _is_shouted(match) else None

    return [
        rule("letter", r"(?<!\w)[A-G]#(?!\w)", lambda m: f"{letter_names(m[0][0], facts)} sharp"),
        rule("capitals", rf"(?<=\w )[{word_letters}](?= \w)", lower_among_capitals),
        rule("acronym", apart.format(f"(?:{mixed})"), lambda m: facts.words[m[0]]),
        rule(
            "letter",
            rf"(?<!\w)(?P<noun>(?i:{letter_nouns}))\s(?P<letter>[{_UPPER}])(?![\w']|\.\s?[{_UPPER}](?!\w))",
            lambda m: f"{m['noun']} {letter_names(m['letter'], facts)}",
        ),
        rule("initials", rf"(?<![\w.'])(?:{_LETTER}\.){{2,8}}(?:{_LETTER}(?!\w))?", spell_keeping_stop),
        rule("initials", rf"(?<!\w)[{_UPPER}]{{1,3}}&[{_UPPER}](?!\w)", spell_around_and),
        rule("initials", rf"(?<![\w.'])[{_UPPER}]\.(?=\s?(?:{_PARTICLES})?[{_UPPER}{MASK}])", spell_initial),
        rule(
            "acronym",
            rf"(?<!\w)(?<!\w')(?P<word>[{_UPPER}]{{2,}})(?P<plural>s)?(?!\w)",
            lambda m: _say_capitals(m, facts),
        ),
        rule("letter", rf"(?<={MASK}){_LETTER}(?!\w)|(?<![\w']){_LETTER}(?={MASK})", spell),
        rule("letter", rf"(?<![\w'])(?i:{single_letters})(?!(?![ªº])[\w'])", spell),
    ]
