"""English dates and times of day."""

import re

from locutor.text.normalize import en_numbers as numbers
from locutor.text.normalize import en_words as words
from locutor.text.normalize.rules import Rule, kept_stop, rule

_MONTH = "|".join(f"{m}|{m[:3]}\\.?" if m != "May" else m for m in words.MONTHS) + r"|Sept\.?"


def _month(name: str) -> str:
    return next(m for m in words.MONTHS if m.startswith(name[:3]))


def _full_year(digits: str) -> int:
    value = int(digits)
    return value if len(digits) != 2 else value + (2000 if value < 50 else 1900)


def _say_date(month: int, day: int, year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    spoken = f"{words.MONTHS[month - 1]} {numbers.ordinal(day)}"
    return spoken if year is None else f"{spoken}, {numbers.year(_full_year(year))}"


def _say_slash_date(match: re.Match[str]) -> str | None:
    first, second, year = int(match["first"]), int(match["second"]), match["year"]
    return _say_date(first, second, year) or _say_date(second, first, year)


def _say_month_day(match: re.Match[str]) -> str | None:
    month = words.MONTHS.index(_month(match["month"])) + 1
    return _say_date(month, int(match["day"]), match["year"])


def _say_day_month(match: re.Match[str]) -> str | None:
    if not 1 <= int(match["day"]) <= 31:
        return None
    article = "" if re.search(r"\bthe\s$", match.string[max(0, match.start() - 5) : match.start()]) else "the "
    spoken = f"{article}{numbers.ordinal(int(match['day']))} of {_month(match['month'])}"
    return f"{spoken}, {numbers.year(int(match['year']))}" if match["year"] else spoken


def _say_month_year(match: re.Match[str]) -> str:
    return f"{_month(match['month'])} {numbers.year(int(match['year']))}"


def _say_years(match: re.Match[str]) -> str | None:
    """ "2023-24", "1999-00"; "2024-05" is a month."""
    first, last = int(match["first"]), int(match["last"])
    follows = last > first % 100 or (first % 100, last) == (99, 0)
    if not follows:
        return None
    low, link = numbers.year(first), " " if match["mark"] == "/" else " to "
    if last == 0:
        return f"{low}{link}{numbers.year(first + 1)}"
    return f"{low}{link}{'oh ' if last < 10 else ''}{numbers.cardinal(str(last))}"


_WEEKDAY = "|".join(sorted(words.WEEKDAYS, key=len, reverse=True))


def _say_weekdays(match: re.Match[str]) -> str:
    return f"{words.WEEKDAYS[match['first']]} to {words.WEEKDAYS[match['last']]}{kept_stop(match, words.STARTERS)}"


def weekday_rules() -> list[Rule]:
    """Short names; "Sat." and "Sun." only where a day or a time follows, for "sat" and "the Sun" are words."""
    unclear = rf"(?:Sat|Sun)\.(?=,?\s(?:\d|at\s|from\s|morning|afternoon|evening|night|(?:{_MONTH})\s))"
    clear = "|".join(day for day in _WEEKDAY.split("|") if day not in ("Sat", "Sun"))
    return [
        rule(
            "weekday",
            rf"(?<!\w)(?P<first>{_WEEKDAY})\.?\s?[-–]\s?(?P<last>{_WEEKDAY})(?!\w)\.?",
            _say_weekdays,
        ),
        rule(
            "weekday",
            rf"(?<!\w)(?:(?:{clear})\.(?!\w)|{unclear})",
            lambda m: words.WEEKDAYS[m[0].rstrip(".")] + kept_stop(m, words.STARTERS),
        ),
    ]


def date_rules() -> list[Rule]:
    year = r"(?P<year>[12]\d{3})"
    return [
        rule(
            "date",
            rf"(?<![\d/.-]){year}-(?P<month>\d\d)-(?P<day>\d\d)(?:T(?=\d\d:)|(?![\d-]))",
            lambda m: _say_date(int(m["month"]), int(m["day"]), m["year"]),
        ),
        rule(
            "date",
            r"(?<![\d/.-])(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)(?![\d/-])",
            _say_slash_date,
        ),
        rule(
            "date",
            r"(?i:(?<=\bon )|(?<=\bby )|(?<=\bsince )|(?<=\buntil ))(?P<first>\d{1,2})/(?P<second>\d{1,2})"
            r"(?P<year>(?!))?(?![\d/])",
            _say_slash_date,
        ),
        rule(
            "date",
            r"(?<![\d/.,-])(?P<first>0\d|1[0-2])/(?P<second>0\d|[12]\d|3[01])(?P<year>(?!))?(?![\d/])"
            r"(?<!10/10)(?<!12/12)",
            _say_slash_date,
        ),
        rule(
            "date",
            rf"(?<!\w)(?P<month>{_MONTH})\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s{year})?(?![\w:%]|[.,/]\d)",
            _say_month_day,
        ),
        rule(
            "date",
            rf"(?<![\w.,/$])(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month>{_MONTH})(?:,?\s{year})?(?!\w|[.,]\d)",
            _say_day_month,
        ),
        rule("date", rf"(?<!\w)(?P<month>{_MONTH}),?\s{year}(?!\w|[.,:/]\d)", _say_month_year),
        rule(
            "years",
            r"(?<![\w/.,$€£-])(?P<first>1[1-9]\d\d|20\d\d)(?P<mark>[-–/])(?P<last>\d\d)(?![\w/%-]|[.,]\d|\s?[=€£])",
            _say_years,
        ),
    ]


def _say_clock(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), match["minute"]
    if hour > 24 or (minute is not None and int(minute) > 59):
        return None
    half = match["half"]
    spoken = [numbers.cardinal(str(hour))]
    if minute is not None and int(minute):
        spoken.append(f"oh {numbers.cardinal(minute[1])}" if minute[0] == "0" else numbers.cardinal(minute))
    elif minute is not None and not half:
        spoken.append("o'clock" if 1 <= hour <= 12 else "hundred hours")
    if match["second"]:
        seconds = int(match["second"])
        spoken.append(f"and {numbers.cardinal(str(seconds))} second{'' if seconds == 1 else 's'}")
    if half:
        spoken.append("ay em" if half.lower() == "a" else "pee em")
        return " ".join(spoken) + kept_stop(match, words.STARTERS)
    return " ".join(spoken)


def time_rules() -> list[Rule]:
    half = r"\s?(?P<half>[aApP])\.?[mM](?!\w)\.?"
    return [
        rule(
            "time",
            rf"(?<![\d:.,])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:{half})?(?![\d:])",
            _say_clock,
        ),
        rule(
            "time",
            rf"(?<![\d:.,])(?P<hour>\d{{1,2}})(?P<minute>(?!))?(?P<second>(?!))?{half}",
            _say_clock,
        ),
        rule(
            "ratio",
            r"(?<![\d:.,])(\d{1,3}):(\d{1,3})(?![\d:])",
            lambda m: f"{numbers.cardinal(m[1])} to {numbers.cardinal(m[2])}",
        ),
    ]
