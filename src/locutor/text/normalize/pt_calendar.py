"""Portuguese dates and times of day."""

import re

from locutor.text.normalize import pt_numbers as numbers
from locutor.text.normalize import pt_words as words
from locutor.text.normalize.numbers import Gender
from locutor.text.normalize.rules import Rule, kept_stop, rule

_MONTH = "|".join([*words.MONTHS, *(f"{m[:3]}\\.?" for m in words.MONTHS if m != "maio")])


def _month(name: str) -> str:
    return next(m for m in words.MONTHS if m.startswith(name[:3].lower()))


def full_year(digits: str) -> str:
    value = int(digits)
    return str(value if len(digits) != 2 else value + (2000 if value < 50 else 1900))


def _say_day(day: int) -> str:
    return "primeiro" if day == 1 else numbers.cardinal(str(day))


def _say_date(day: int, month: int, year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    spoken = f"{_say_day(day)} de {words.MONTHS[month - 1]}"
    return spoken if year is None else f"{spoken} de {numbers.cardinal(full_year(year))}"


def _say_slash_date(match: re.Match[str]) -> str | None:
    first, second, year = int(match["first"]), int(match["second"]), match["year"]
    return _say_date(first, second, year) or _say_date(second, first, year)


def _say_month_year(match: re.Match[str]) -> str | None:
    month = int(match["month"])
    return f"{words.MONTHS[month - 1]} de {numbers.cardinal(match['year'])}" if 1 <= month <= 12 else None


def _say_years(match: re.Match[str]) -> str | None:
    """ "2023-24", "2021/22", "2024/2025": a year and one of the next few."""
    first, last = int(match["first"]), int(match["last"])
    short = len(match["last"]) == 2
    later = (last - first) % 100 if short else last - first
    backwards = short and last < first % 100 and later != 1
    if backwards or not 0 < later <= (3 if match["mark"] == "/" else 99):
        return None
    link = words.WEB["/"] if match["mark"] == "/" else "a"
    second = str(first + later) if match["last"].startswith("0") else match["last"]
    return f"{numbers.cardinal(match['first'])} {link} {numbers.cardinal(second)}"


# "Lei 2024/2025" has a number and a year.
_NO_LAW = "".join(f"(?<!{noun} )" for noun in (*words.LAWS, "nº"))
_WEEKDAY = "|".join(day[:3] for day in words.WEEKDAYS) + "|sab"


def _say_weekdays(match: re.Match[str]) -> str | None:
    """ "seg. a sex.": short names say that they are weekdays by their full stops and their company."""
    if "." not in match[0]:
        return None
    days = re.sub(rf"({_WEEKDAY})(?!\w)\.?", lambda m: _weekday(m[0]), match[0], flags=re.I)
    return re.sub(r"\s?[-–]\s?", " a ", days) + kept_stop(match, words.STARTERS)


def _weekday(short: str) -> str:
    found = next(day for day in words.WEEKDAYS if day[:3] == short[:3].lower().replace("sab", "sáb"))
    return found.capitalize() if short[0].isupper() else found


def date_rules() -> list[Rule]:
    year = r"(?P<year>[12]\d{3})"
    return [
        rule(
            "date",
            rf"(?<![\d/.-]){year}-(?P<month>\d\d)-(?P<day>\d\d)(?:T(?=\d\d:)|(?![\d-]))",
            lambda m: _say_date(int(m["day"]), int(m["month"]), m["year"]),
        ),
        rule(
            "date",
            r"(?<![\d/.-])(?P<first>\d{1,2})[ºo°]?(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)(?![\d/-])",
            _say_slash_date,
        ),
        rule(
            "date",
            r"(?i:(?<=\bdia )|(?<=\bdesde )|(?<=\baté )|(?<=\bdata ))(?P<first>\d{1,2})/(?P<second>\d{1,2})"
            r"(?P<year>(?!))?(?![\d/])",
            _say_slash_date,
        ),
        rule(
            "date",
            r"(?<![\d/.,-])(?P<first>[0-2]\d|3[01])/(?P<second>0\d|1[0-2])(?P<year>(?!))?(?![\d/])",
            _say_slash_date,
        ),
        rule("date", rf"(?<![\d/.,-])(?P<month>0\d|1[0-2])/{year}(?![\d/])", _say_month_year),
        rule(
            "date",
            rf"(?<![\d/.,-])(?P<day>0?[1-9]|[12]\d|3[01])(?:[ºo°](?!\w))?(?P<mark>\sde\s|[/-])(?P<month>{_MONTH})(?!\w)"
            rf"(?:(?:\sde\s|[/-]){year}(?!\w))?",
            lambda m: _say_date(int(m["day"]), words.MONTHS.index(_month(m["month"])) + 1, m["year"]),
            re.I,
        ),
        rule(
            "weekday",
            rf"(?<!\w)(?:{_WEEKDAY})\.?(?:(?:,\s?|\s?[-–/]\s?|\s(?:a|à|e|ou|até)\s)(?:{_WEEKDAY})(?!\w)\.?){{1,6}}",
            _say_weekdays,
            re.I,
        ),
        rule(
            "years",
            rf"(?<![\w/.,$-]){_NO_LAW}"
            r"(?P<first>1[5-9]\d\d|20\d\d)(?P<mark>[-–/])(?P<last>(?:1[5-9]|20)?\d\d)(?![\w/%-]|[.,]\d)",
            _say_years,
        ),
        rule(
            "date",
            rf"(?<!\w)(?P<month>{_MONTH})/{year}(?!\w)",
            lambda m: f"{_month(m['month'])} de {numbers.cardinal(m['year'])}",
            re.I,
        ),
    ]


def _count(value: int, one: str, many: str, gender: Gender) -> str:
    return f"{numbers.cardinal(str(value), gender)} {one if value < 2 else many}"


def _say_clock(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    if hour > 24 or minute > 59 or second > 59:
        return None
    parts = [_count(hour, "hora", "horas", "f")]
    if minute:
        parts.append(_count(minute, "minuto", "minutos", "m"))
    if second:
        parts.append(_count(second, "segundo", "segundos", "m"))
    spoken = " e ".join(parts) if len(parts) < 3 else f"{parts[0]}, {parts[1]} e {parts[2]}"
    return spoken + _half_of_day(match["half"], hour)


def _half_of_day(half: str | None, hour: int) -> str:
    if half is None:
        return ""
    if half.lower() == "a":
        return " da manhã"
    return " da tarde" if hour in (12, 1, 2, 3, 4, 5) else " da noite"


def time_rules() -> list[Rule]:
    half = r"(?:\s?(?P<half>[aApP])\.?[mM]\b\.?)?"
    return [
        rule(
            "time",
            rf"(?<![\d:.,])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:\s?h(?:s|rs)?(?!\w))?{half}(?![\d:])",
            _say_clock,
        ),
        rule(
            "time",
            r"(?<![\d:.,])(?P<hour>\d{1,2})\s?[hH]\s?(?P<minute>[0-5]\d)(?:\s?min|m)?"
            r"(?:\s?(?P<second>[0-5]\d)\s?s)?(?P<half>(?!))?(?!\w)",
            _say_clock,
        ),
        rule(
            "time",
            r"(?<![\d:.,])(?P<hour>\d{1,2})(?:h|hs|hrs|H)(?P<minute>(?!))?(?P<second>(?!))?(?P<half>(?!))?(?![\w/])",
            _say_clock,
        ),
        rule(
            "time",
            r"(?<![\d:.,])(?P<hour>\d{1,2})(?P<minute>(?!))?(?P<second>(?!))?\s?(?P<half>[aApP])\.?[mM]\b\.?",
            _say_clock,
        ),
        rule(
            "ratio",
            r"(?<![\d:.,])(\d{1,3}):(\d{1,3})(?![\d:])",
            lambda m: f"{numbers.cardinal(m[1])} para {numbers.cardinal(m[2])}",
        ),
    ]
