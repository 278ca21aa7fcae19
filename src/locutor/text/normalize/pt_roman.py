"""Roman numerals in Portuguese: after names, centuries and numbered things."""

import re

from locutor.text.normalize import pt_numbers as numbers
from locutor.text.normalize.numbers import Gender, parse_roman
from locutor.text.normalize.pt_gender import noun_gender
from locutor.text.normalize.pt_words import MONTHS
from locutor.text.normalize.rules import Rule, rule

_CARDINAL_NOUNS = (
    "capítulo|volume|tomo|parte|título|artigo|inciso|anexo|ato|cena|fase|livro|tipo|nível|classe|grau|seção|bloco|"
    "guerra mundial|rocky|apolo|apollo|módulo|unidade|etapa|ciclo|grupo"
)
RULERS = {
    "m": "Pedro|João|Luís|Luis|Carlos|Henrique|Jorge|Filipe|Felipe|Afonso|Manuel|Manoel|José|Sebastião|Fernando|"
    "Bento|Pio|Paulo|Gregório|Leão|Inocêncio|Clemente|Urbano|Francisco|Guilherme|Eduardo|Ricardo|Napoleão|"
    "Alexandre|Nicolau|Frederico|Ramsés|Ptolomeu|Dario|Otto|Juan Carlos|Leopoldo|Gustavo|Ivan|Adriano|Júlio|Sisto",
    "f": "Maria|Isabel|Elizabeth|Elisabeth|Catarina|Ana|Cleópatra|Cristina|Margarida|Margarete|Vitória|Beatriz|Joana",
}
_ORDINAL_NOUNS = (
    "Guerra|Congresso|Encontro|Semana|Simpósio|Seminário|Fórum|Festival|Jornada|Concílio|Conferência|Copa|Bienal|"
    "Mostra|Feira|Olimpíada|Reich|República|Cúpula|Exército|Batalhão"
)


_SHORT = {"séc.": "século", "cap.": "capítulo", "vol.": "volume", "art.": "artigo"}


def _in_full(name: str) -> str:
    return _SHORT.get(name.lower(), name)


def _say_reign(match: re.Match[str], gender: Gender) -> str | None:
    """Kings, popes and centuries take ordinals up to ten."""
    value = parse_roman(match["numeral"])
    if value is None:
        return None
    spoken = numbers.ordinal(value, gender) if value <= 10 else numbers.cardinal(str(value))
    return f"{_in_full(match['name'])} {spoken}"


def _say_counted_roman(match: re.Match[str]) -> str | None:
    value = parse_roman(match["numeral"])
    return None if value is None else f"{_in_full(match['name'])} {numbers.cardinal(str(value))}".lstrip()


def _say_nth(match: re.Match[str]) -> str | None:
    value = parse_roman(match["numeral"])
    if value is None:
        return None
    return f"{numbers.ordinal(value, noun_gender(match['noun'].lower()) or 'm')} {match['noun']}"


def _say_centuries(match: re.Match[str]) -> str | None:
    values = [parse_roman(match["numeral"]), parse_roman(match["last"])]
    if None in values:
        return None
    low, high = (numbers.ordinal(v) if v <= 10 else numbers.cardinal(str(v)) for v in values if v is not None)
    return f"{match['name']} {low} {match['link'].replace('-', 'a')} {high}"


def roman_rules() -> list[Rule]:
    def reign(gender: Gender) -> Rule:
        return rule(
            "roman numeral",
            rf"(?<!\w)(?P<name>{RULERS[gender]})\s(?P<numeral>[IVX]{{1,6}})(?!\w)",
            lambda m: _say_reign(m, gender),
        )

    return [
        rule(
            "roman numeral",
            r"(?<!\w)(?P<name>séculos)\s(?P<numeral>[IVX]{1,6})\s?(?P<link>e|a|ao|-)\s?(?P<last>[IVX]{1,6})(?!\w)",
            _say_centuries,
            re.I,
        ),
        rule(
            "roman numeral",
            r"(?<!\w)(?P<name>[Ss]éc(?:ulos?|\.))\s(?P<numeral>[IVX]{1,6})(?!\w)",
            lambda m: _say_reign(m, "m"),
        ),
        rule(
            "roman numeral",
            rf"(?<!\w)(?P<name>(?i:{_CARDINAL_NOUNS}|cap\.|vol\.|art\.))\s(?P<numeral>[IVXLC]{{1,8}})(?!\w)",
            _say_counted_roman,
        ),
        rule(
            "roman numeral",
            rf"(?<!\w)(?P<name>)(?P<numeral>[IVX]{{1,5}})(?=\sde\s(?i:{'|'.join(MONTHS)})(?!\w))",
            _say_counted_roman,
        ),
        reign("m"),
        reign("f"),
        rule("roman numeral", rf"(?<!\w)(?P<numeral>[IVXL]{{1,7}})\s(?P<noun>{_ORDINAL_NOUNS})(?!\w)", _say_nth),
        rule(
            "roman numeral",
            r"(?<!\w)(?P<name>[A-ZÀ-Þ][a-zà-ÿ]{1,20})\s(?P<numeral>(?=[IVX]{2,6}(?!\w))X{0,3}(?:IX|IV|V?I{0,3}))(?!\w)",
            _say_counted_roman,
        ),
    ]
