"""The Brazilian Portuguese normaliser."""

import re

from locutor.text.normalize import pt_numbers as numbers
from locutor.text.normalize import pt_words as words
from locutor.text.normalize.addresses import address_rules
from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.money import money_rules
from locutor.text.normalize.numbers import FRACTION_GLYPHS, Gender, number_source, parse_number, say_groups
from locutor.text.normalize.pt_calendar import date_rules, full_year, time_rules
from locutor.text.normalize.pt_gender import counted_gender, noun_gender
from locutor.text.normalize.pt_roman import RULERS, roman_rules
from locutor.text.normalize.quantity import mark_rule, measure_rules, quantity_source, say_quantity, with_spellings
from locutor.text.normalize.rules import MASK, Rule, kept_stop, rule
from locutor.text.normalize.signs import code_rule, comparison_rules, leftover_rules, operator_rules
from locutor.text.normalize.spelling import spelling_rules
from locutor.text.normalize.verses import verse_rules

GRAMMAR = Grammar(
    language="pt-BR",
    decimal=numbers.DECIMAL,
    number_source=number_source(numbers.DECIMAL),
    cardinal=numbers.cardinal,
    number=numbers.number,
    is_plural=numbers.is_plural,
    digit_words=numbers.DIGITS,
    and_="e",
    to="a",
    per="por",
    minus="menos",
    of_scale="de",
    percent="por cento",
    per_mille="por mil",
    hashtag="hashtag",
    currencies=words.CURRENCIES,
    scales=words.MONEY_SCALES,
    units=with_spellings(words.UNITS),
    symbols=words.SYMBOLS,
    operators=words.OPERATORS,
    web=words.WEB,
    spelling=words.SPELLING,
    starters=words.STARTERS,
    abbreviations=frozenset(words.ABBREVIATIONS) | {short.rstrip(".") for short in words.BEFORE_NUMBER},
)


def _say_landline(match: re.Match[str]) -> str | None:
    is_year_range = re.fullmatch(r"(?:1[5-9]|20)\d\d-(?:1[5-9]|20)\d\d", match[0])
    return None if is_year_range else say_groups(match[0], numbers.DIGITS)


def _say_cnpj(match: re.Match[str]) -> str:
    groups = [numbers.spell_digits(g) for g in re.findall(r"\d+", match[0])]
    return f"{', '.join(groups[:3])}, barra {groups[3]}, {groups[4]}"


_ACCOUNT = "|".join(rf"(?<=\b{noun} )" for noun in ("conta", "agência", "ag\\.", "c/c", "corrente", "matrícula"))


def document_rules() -> list[Rule]:
    """CPF, CNPJ, CEP, telephone and card numbers: digit by digit."""
    return [
        rule(
            "abbreviation",
            r"(?<!\w)(?P<short>[Cc])el\.?(?=:?\s?(?:\+\d|\(0?\d\d\)|\d{2}[\s-]?9?\d{4}|9?\d{4}-))",
            lambda m: f"{m['short']}elular",
        ),
        code_rule("CPF", r"(?<![\w.,-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])", GRAMMAR),
        code_rule("CPF", r"(?:(?<=CPF )|(?<=CPF: )|(?<=CPF nº )|(?<=CPF n\.º ))\d{11}(?!\w)", GRAMMAR),
        code_rule("RG", r"(?<![\w.,-])\d{1,2}\.\d{3}\.\d{3}-\d(?![\w-])", GRAMMAR),
        rule("CNPJ", r"(?<![\w.,-])\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}(?![\w-])", _say_cnpj),
        code_rule("CEP", r"(?<![\w.,-])\d{2}\.?\d{3}-\d{3}(?![\w-])", GRAMMAR),
        code_rule("CEP", r"(?<=CEP )\d{8}(?!\w)", GRAMMAR),
        code_rule("card number", r"(?<![\w.,-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-])", GRAMMAR),
        code_rule("phone", r"(?<![\w.,-])0[38]00[\s.-]?\d{3}[\s.-]?\d{3,4}(?![\w-])", GRAMMAR),
        code_rule(
            "phone",
            r"(?<![\w.,-])(?:(?:\+?55\s?)?\(0?\d{2}\)\s?|\+55\s?\d{2}\s?|\d{2}[\s-](?=9\d{4}[\s-]))"
            r"(?:9[.\s]?)?\d{4}[-\s]?\d{4}(?![\w-])",
            GRAMMAR,
        ),
        rule("phone", r"(?<![\w.,/-])(?:\d{2}\s)?9?\d{4}-\d{4}(?![\w-])", _say_landline),
        code_rule("phone", r"(?<![\w.+])\+\d{1,3}(?:[\s.-]?\(?\d{1,5}\)?){2,5}(?![\w-])", GRAMMAR),
    ]


_HALF_NOUN = re.compile(r"\s(?:de\s)?([^\W\d_]{2,30})")


def _say_parts(match: re.Match[str], numerator: int, denominator: int) -> str:
    whole = match["whole"]
    following = _HALF_NOUN.match(match.string, match.end())
    noun = following[1].lower() if following else ""
    plural = whole is not None and int(whole) > 1
    gender = counted_gender(match.string, match.start(), match.end(), not plural) if noun else "m"
    if (numerator, denominator) == (1, 2):
        half = "meia" if gender == "f" else "meio"
        if whole is None:
            return half if noun and noun_gender(noun) else "um meio"
        return f"{numbers.cardinal(whole, gender)} e {half}"
    spoken = numbers.fraction(numerator, denominator)
    return spoken if whole is None else f"{numbers.cardinal(whole, gender)} e {spoken}"


def _say_fraction(match: re.Match[str]) -> str | None:
    numerator, denominator = int(match["numerator"]), int(match["denominator"])
    if denominator < 2:
        return None
    if numerator >= denominator or numerator == 0 or not (denominator <= 100 or denominator == 1000):
        link = "de" if numerator == denominator else "por"
        pair = f"{numbers.cardinal(match['numerator'])} {link} {numbers.cardinal(match['denominator'])}"
        return pair if match["whole"] is None else None
    return _say_parts(match, numerator, denominator)


def _say_law(match: re.Match[str]) -> str:
    return f"{numbers.cardinal(match['number'].replace('.', ''))} de {numbers.cardinal(full_year(match['year']))}"


_AFTER_LAW = "|".join(rf"(?<=\b{noun} )" for noun in (*words.LAWS, "nº", r"n\.º"))


def fraction_rules() -> list[Rule]:
    return [
        rule(
            "number of year",
            r"(?<![\w/.,])(?P<number>\d{1,3}(?:\.\d{3}){0,2}|\d{1,6})/(?P<year>(?:19|20)\d\d)(?![\w/])",
            _say_law,
        ),
        rule(
            "number of year",
            r"(?<![\w/.,])(?P<number>\d{1,3}(?:\.\d{3}){1,2})/(?P<year>\d\d)(?![\w/]|[.,]\d)",
            _say_law,
        ),
        rule(
            "number of year",
            rf"(?:{_AFTER_LAW})"
            r"(?P<number>\d{1,4})/(?P<year>\d\d)(?![\w/]|[.,]\d)",
            _say_law,
        ),
        rule(
            "fraction",
            rf"(?<![\d.,/])(?:(?P<whole>\d{{1,4}})\s?)?(?P<glyph>[{''.join(FRACTION_GLYPHS)}])",
            lambda m: _say_parts(m, *FRACTION_GLYPHS[m["glyph"]]),
        ),
        rule(
            "fraction",
            r"(?<![\w/.,])(?:(?P<whole>\d{1,4})\s)?(?P<numerator>\d{1,4})/(?P<denominator>\d{1,4})(?![\w/]|[.,]\d)",
            _say_fraction,
        ),
    ]


_BEFORE_DEGREES = re.compile(rf"(?<!\w)(?:{words.BEFORE_DEGREES})\s$", re.I)
_RANKED = re.compile(r"\s(?:de|lugar|andar|ano|dia|aniversário|gol|período|semestre|turno|grau)(?!\w)")


def _is_degrees(match: re.Match[str]) -> bool:
    before = _BEFORE_DEGREES.search(match.string[max(0, match.start() - 20) : match.start()])
    return before is not None and not _RANKED.match(match.string, match.end())


def _say_ordinal(match: re.Match[str]) -> str | None:
    digits, mark = match["digits"].replace(".", ""), match["mark"].lower()
    if mark[0] == "°" and int(digits) > 12:
        return None  # many type the degree sign for º, but "90°" is an angle
    if mark == "º" and int(digits) > 1 and _is_degrees(match):
        return None
    gender: Gender = "f" if mark[0] in "aª" else "m"
    return numbers.ordinal(int(digits), gender, plural=mark.endswith("s"))


def _say_weekday(match: re.Match[str]) -> str:
    return f"{numbers.ordinal(int(match['day']), 'f', bool(match['plural']))}{match['noun']}"


def ordinal_rules() -> list[Rule]:
    digits = r"(?<![\w,])(?<!\d\.)(?P<digits>\d{1,3}(?:\.\d{3}){1,3}|\d{1,9})"
    return [
        rule(
            "weekday",
            r"(?<![\w.,])(?P<day>[2-6])\.?(?:ª|a)(?P<plural>s)?(?P<noun>[\s-]feiras?)(?!\w)",
            _say_weekday,
            re.I,
        ),
        rule("ordinal", rf"{digits}\.?(?P<mark>[ªº°]s?)(?![a-zà-ÿ\d°]|\s?[CF](?!\w))", _say_ordinal),
        rule("ordinal", rf"{digits}\.?(?P<mark>[ao]s?)(?:\.(?=\s?[a-zà-ÿ]))?(?![\w'])", _say_ordinal),
    ]


def _say_dom(match: re.Match[str]) -> str:
    name = match["name"]
    feminine = name.endswith("a") or re.fullmatch(RULERS["f"], name) is not None
    return "Dona" if feminine else "Dom"


_NAME_BEFORE = re.compile(r"(?<!\w)([A-ZÀ-Þ][a-zà-ÿ]{2,20})\s$")


def _is_initial(match: re.Match[str]) -> bool:
    """Between names: "João R. Silva", "Ana S. Paulo"."""
    before = _NAME_BEFORE.search(match.string[max(0, match.start() - 23) : match.start()])
    return before is not None and before[1] not in words.NO_NAMES | words.STARTERS


def _say_street(match: re.Match[str]) -> str | None:
    return None if _is_initial(match) else "Rua"


def _say_saint(match: re.Match[str]) -> str | None:
    return None if _is_initial(match) else "São"


def _say_numbered(match: re.Match[str]) -> str:
    spoken, short = words.BEFORE_NUMBER[match["short"]], match["short"]
    return spoken.capitalize() if short[0].isupper() and short[1:].islower() else spoken


def abbreviation_rules() -> list[Rule]:
    known = "|".join(re.escape(a) for a in sorted(words.ABBREVIATIONS, key=len, reverse=True))
    numbered = "|".join(re.escape(a) for a in sorted(words.BEFORE_NUMBER, key=len, reverse=True))
    chat = "|".join(sorted(words.CHAT, key=len, reverse=True))
    return [
        rule(
            "abbreviation",
            rf"(?<![\w.])(?P<short>{numbered})(?=\s?[\d{MASK}])",
            _say_numbered,
        ),
        rule("abbreviation", r"(?<!\w)(?:s/n|S/N)(?:[º°](?!\w))?(?!\w)", lambda m: "sem número"),
        rule("abbreviation", r"(?<![\w.])[nN][º°](?![\w.])", lambda m: "número"),
        rule(
            "abbreviation",
            rf"(?<![\w.])(?<![A-Z]\.\s)R\.(?=\s(?:(?:d[aeo]s?\s)?[A-ZÀ-Þ][a-zà-ÿ]|[IVX]{{1,5}}\s|[\d{MASK}]))",
            _say_street,
        ),
        rule("abbreviation", rf"(?<![\w.])(?<![A-ZÀ-Þ]\.\s)S\.(?=\s(?:{words.SAINTS})(?!\w))", _say_saint),
        rule("abbreviation", r"(?<!\w)V\.\s?Ex\.?ª(?!\w)", lambda m: "Vossa Excelência"),
        rule("abbreviation", r"(?<!\w)V\.\s?S\.?ª(?!\w)", lambda m: "Vossa Senhoria"),
        rule("abbreviation", r"(?<!\w)S\.\s?Ex\.?ª(?!\w)", lambda m: "Sua Excelência"),
        rule(
            "abbreviation",
            rf"(?<!\w)(?P<short>{'|'.join(words.FEMININE)})\.?ª\.?(?!\w)",
            lambda m: words.FEMININE[m["short"]],
        ),
        rule("abbreviation", rf"(?<!\w)(?P<short>[Tt])el(?=:\s?[{MASK}\d])", lambda m: f"{m['short']}elefone"),
        rule(
            "abbreviation",
            rf"(?<![\w.])(?P<short>{known})\.(?:[ªº](?!\w))?(?!\w)",
            lambda m: words.ABBREVIATIONS[m["short"]] + kept_stop(m, words.STARTERS),
        ),
        rule(
            "abbreviation",
            r"(?<!\w)(?P<short>Dra?|Sra?|Srta)(?=\s[A-ZÀ-Þ][a-zà-ÿ])",
            lambda m: words.ABBREVIATIONS[m["short"]],
        ),
        rule("abbreviation", rf"(?<![\w'-])(?P<short>{chat})(?![\w'-])", lambda m: words.CHAT[m["short"]]),
        rule("abbreviation", r"(?<!\w)S/A(?!\w)", lambda m: "esse á"),
        rule("abbreviation", r"(?<![\w/])p/(?=\s|\w)", lambda m: "para"),
        rule("abbreviation", r"(?<![\w/])c/(?=\s|\w)", lambda m: "com"),
    ]


def _say_number(match: re.Match[str]) -> str:
    last = match["high"] or match["low"]
    gender = counted_gender(match.string, match.start(), match.end(), last in ("1", "01"))
    return say_quantity(match, GRAMMAR, gender)


def _say_scaled(match: re.Match[str]) -> str:
    scale = words.SCALES[match["scale"].lower()]
    if scale.one == "mil":
        gender = counted_gender(match.string, match.start(), match.end(), is_one=False)
        return "mil" if match["low"] == "1" else f"{say_quantity(match, GRAMMAR, gender)} mil"
    number = parse_number(match["high"] or match["low"], numbers.DECIMAL)
    return f"{say_quantity(match, GRAMMAR)} {scale.many if numbers.is_plural(number) else scale.one}"


def _say_millions(match: re.Match[str]) -> str:
    """ "2.000.000 casas": millions are nouns and take "de"."""
    return f"{numbers.cardinal(match['digits'].replace('.', ''))} de"


def _say_height(match: re.Match[str]) -> str:
    meters = _count(match["meters"], "metro")
    return f"{meters} e {numbers.cardinal(str(int(match['centimeters'])))}"


def _count(digits: str, noun: str) -> str:
    return f"{numbers.cardinal(digits)} {noun}{'' if digits == '1' else 's'}"


def number_rules() -> list[Rule]:
    quantity = quantity_source(GRAMMAR)
    scales = "|".join(sorted((s for s in words.SCALES if s != "mi"), key=len, reverse=True))
    return [
        rule("scale", rf"{quantity}\s?(?P<scale>(?i:{scales})|mi)(?![\w/])", _say_scaled),
        rule(
            "height",
            r"(?<![\w.,-])(?P<meters>[1-9]\d?),(?P<centimeters>0[1-9]|[1-9]\d)\s?m(?![\w²³/])",
            _say_height,
        ),
        rule("height", r"(?<![\w.,-])(?P<meters>[1-9]\d?)m(?P<centimeters>0[1-9]|[1-9]\d)(?!\w)", _say_height),
        rule("decade", r"(?<![\w.,])(\d{2,4})'s(?!\w)", lambda m: numbers.cardinal(m[1])),
        rule("number sign", r"(?<![\w&])#\s?(?=\d)", lambda m: "número"),
        rule(
            "times",
            rf"(?<![\w.,])(?P<low>{GRAMMAR.number_source})x(?!\w)",
            lambda m: _say_times(parse_number(m["low"], ",").integer),
        ),
        rule(
            "number",
            r"(?<![\w.,-])(?P<digits>\d{1,3}(?:\.\d{3})*(?:\.000){2}|\d{1,3}0{6,12})(?=\s[^\W\d_]{2,30}s(?!\w))",
            _say_millions,
        ),
    ]


def _say_times(digits: str) -> str:
    return f"{numbers.cardinal(digits, 'f')} {'vez' if digits == '1' else 'vezes'}"


def _build() -> tuple[Rule, ...]:
    return (
        *comparison_rules(GRAMMAR),
        *address_rules(GRAMMAR),
        *document_rules(),
        *verse_rules(GRAMMAR, words.BOOKS, words.VERSE_LINK, words.BOOK_NUMBERS),
        *date_rules(),
        *time_rules(),
        *money_rules(GRAMMAR),
        *fraction_rules(),
        *ordinal_rules(),
        *number_rules(),
        rule(
            "rate",
            r"(?<=%)\s?a\.\s?(?P<period>[amdts])\.(?!\w)",
            lambda m: words.RATES[m["period"]] + kept_stop(m, words.STARTERS),
        ),
        mark_rule(GRAMMAR, '"', words.INCH, one_before="(?!)"),
        *measure_rules(GRAMMAR),
        rule("abbreviation", r"(?<![\w.])D\.(?=\s(?P<name>[A-ZÀ-Þ][a-zà-ÿ]{1,30}))", _say_dom),
        *roman_rules(),
        *abbreviation_rules(),
        *operator_rules(GRAMMAR),
        rule("hyphen", r"(?<=[^\W\d_])-(?=\d)", lambda m: ""),
        code_rule("account number", r"(?<![\w.,-])\d{5,12}-\d(?![\w-]|[.,]\d)", GRAMMAR),
        code_rule("account number", rf"(?i:{_ACCOUNT})\d{{3,4}}-\d(?![\w-]|[.,]\d)", GRAMMAR),
        rule("number", quantity_source(GRAMMAR), _say_number),
        *leftover_rules(GRAMMAR),
        *spelling_rules(
            words.SPELLING,
            single_letters="[b-df-hj-np-tv-z]",
            word_letters="AÀEÉOÓ",
            letter_nouns="vitamina|plano|opção|grupo|classe|tipo|hepatite|turma|série|letra|bloco|categoria|anexo",
            and_=GRAMMAR.and_,
            starters=words.STARTERS,
        ),
        rule("slash", rf"(?<=[\w{MASK}])\s?/\s?(?=[\w{MASK}])", lambda m: ""),
    )


RULES = _build()
