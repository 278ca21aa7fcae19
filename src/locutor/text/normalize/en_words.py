"""English tables: what signs, units, abbreviations and letters are called."""

import re

from locutor.text.normalize.grammar import Currency, Noun, SpellingFacts

MONTHS = "January February March April May June July August September October November December".split()

WEEKDAYS = {
    **dict.fromkeys(("Mon",), "Monday"),
    **dict.fromkeys(("Tue", "Tues"), "Tuesday"),
    **dict.fromkeys(("Wed", "Weds"), "Wednesday"),
    **dict.fromkeys(("Thu", "Thur", "Thurs"), "Thursday"),
    **dict.fromkeys(("Fri",), "Friday"),
    **dict.fromkeys(("Sat",), "Saturday"),
    **dict.fromkeys(("Sun",), "Sunday"),
}

CURRENCIES = {
    **dict.fromkeys(("$", "US$", "USD"), Currency(Noun("dollar", "dollars"), Noun("cent", "cents"))),
    **dict.fromkeys(("A$", "AU$"), Currency(Noun("Australian dollar", "Australian dollars"), Noun("cent", "cents"))),
    **dict.fromkeys(("C$", "CA$"), Currency(Noun("Canadian dollar", "Canadian dollars"), Noun("cent", "cents"))),
    "NZ$": Currency(Noun("New Zealand dollar", "New Zealand dollars"), Noun("cent", "cents")),
    **dict.fromkeys(("€", "EUR"), Currency(Noun("euro", "euros"), Noun("cent", "cents"))),
    **dict.fromkeys(("£", "GBP"), Currency(Noun("pound", "pounds"), Noun("penny", "pence"))),
    **dict.fromkeys(("¥", "JPY"), Currency(Noun("yen", "yen"), Noun("sen", "sen"))),
    **dict.fromkeys(("R$", "BRL"), Currency(Noun("real", "reais"), Noun("centavo", "centavos"))),
    **dict.fromkeys(("₹", "Rs.", "Rs"), Currency(Noun("rupee", "rupees"), Noun("paisa", "paise"))),
    "¢": Currency(Noun("cent", "cents"), Noun("cent", "cents")),
}

SCALES = {
    **dict.fromkeys(("k", "thousand"), Noun("thousand", "thousand")),
    **dict.fromkeys(("m", "mn", "million"), Noun("million", "million")),
    **dict.fromkeys(("b", "bn", "billion"), Noun("billion", "billion")),
    **dict.fromkeys(("t", "tn", "trillion"), Noun("trillion", "trillion")),
}


def _many(one: str) -> Noun:
    return Noun(one, f"{one}s")


UNITS = {
    "km/h": Noun("kilometer per hour", "kilometers per hour"),
    "m/s": Noun("meter per second", "meters per second"),
    "km": _many("kilometer"),
    "m": _many("meter"),
    "cm": _many("centimeter"),
    "mm": _many("millimeter"),
    "nm": _many("nanometer"),
    "km²": _many("square kilometer"),
    "m²": _many("square meter"),
    "cm²": _many("square centimeter"),
    "m³": _many("cubic meter"),
    "cm³": _many("cubic centimeter"),
    "mi": _many("mile"),
    "mph": Noun("mile per hour", "miles per hour"),
    "ft": Noun("foot", "feet"),
    "ft.": Noun("foot", "feet"),
    **dict.fromkeys(("in.", "inch"), Noun("inch", "inches")),
    **dict.fromkeys(("sq ft", "sq. ft", "sq. ft.", "sq ft."), Noun("square foot", "square feet")),
    **dict.fromkeys(("sq mi", "sq. mi", "sq. mi."), Noun("square mile", "square miles")),
    "yd": _many("yard"),
    **dict.fromkeys(("tbsp", "tbsp.", "Tbsp", "Tbsp."), Noun("tablespoon", "tablespoons")),
    **dict.fromkeys(("tsp", "tsp."), Noun("teaspoon", "teaspoons")),
    **dict.fromkeys(("yr", "yr.", "yrs", "yrs."), _many("year")),
    "ha": _many("hectare"),
    "kg": _many("kilogram"),
    "g": _many("gram"),
    "gr": _many("gram"),
    "mg": _many("milligram"),
    "µg": _many("microgram"),
    "lb": _many("pound"),
    "lbs": _many("pound"),
    "lbs.": _many("pound"),
    "oz": _many("ounce"),
    "l": _many("liter"),
    "L": _many("liter"),
    "ml": _many("milliliter"),
    "mL": _many("milliliter"),
    "°C": Noun("degree Celsius", "degrees Celsius"),
    "°F": Noun("degree Fahrenheit", "degrees Fahrenheit"),
    "°": _many("degree"),
    "º": _many("degree"),
    "ºC": Noun("degree Celsius", "degrees Celsius"),
    "ºF": Noun("degree Fahrenheit", "degrees Fahrenheit"),
    "kB": _many("kilobyte"),
    "KB": _many("kilobyte"),
    "MB": _many("megabyte"),
    "GB": _many("gigabyte"),
    "TB": _many("terabyte"),
    "GiB": _many("gibibyte"),
    "MiB": _many("mebibyte"),
    "kbps": Noun("kilobit per second", "kilobits per second"),
    "Mbps": Noun("megabit per second", "megabits per second"),
    "Gbps": Noun("gigabit per second", "gigabits per second"),
    "MB/s": Noun("megabyte per second", "megabytes per second"),
    "fps": Noun("frame per second", "frames per second"),
    "rpm": Noun("revolution per minute", "revolutions per minute"),
    "Hz": Noun("hertz", "hertz"),
    "kHz": Noun("kilohertz", "kilohertz"),
    "MHz": Noun("megahertz", "megahertz"),
    "GHz": Noun("gigahertz", "gigahertz"),
    "W": _many("watt"),
    "kW": _many("kilowatt"),
    "MW": _many("megawatt"),
    "kWh": Noun("kilowatt hour", "kilowatt hours"),
    "V": _many("volt"),
    "mAh": Noun("milliampere hour", "milliampere hours"),
    "dB": _many("decibel"),
    "px": _many("pixel"),
    "dpi": Noun("dot per inch", "dots per inch"),
    "kcal": _many("kilocalorie"),
    "cal": Noun("calorie", "calories"),
    "h": _many("hour"),
    "hr": _many("hour"),
    "hrs": _many("hour"),
    "min": _many("minute"),
    "mins": _many("minute"),
    "s": _many("second"),
    "sec": _many("second"),
    "ms": _many("millisecond"),
}

# A noun, of which the measure before it is a part: "a 16-inch screen", but "16 inches wide".
BEFORE_NOUN = (
    r"\s(?!(?:wide|long|tall|high|deep|thick|across|apart|by|x|in|on|at|to|of|or|and|is|was|for|from|with|above|below|"
    r"away|down|up|off|per|the|a|an|that|than|but|so)(?!\w))[^\W\d_]"
)
# Those in STREET also end sentences: their full stop is kept before a word that starts one.
STREET = {"Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane", "Hwy": "Highway", "Pkwy": "Parkway"}
COMPASS = {"N": "North", "S": "South", "E": "East", "W": "West"}
TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Messrs": "Messieurs",
    "Prof": "Professor",
    "Gen": "General",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Col": "Colonel",
    "Cmdr": "Commander",
    "Maj": "Major",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Fr": "Father",
    "Mt": "Mount",
    "Ft": "Fort",
}
ABBREVIATIONS = {
    **STREET,
    **TITLES,
    "Jr": "Junior",
    "Sr": "Senior",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Co": "Company",
    "Bros": "Brothers",
    "Apt": "Apartment",
    "apt": "apartment",
    "Bldg": "Building",
    "Dept": "Department",
    "dept": "department",
    "Univ": "University",
    "vs": "versus",
    "etc": "et cetera",
    "approx": "approximately",
    "est": "established",
    "max": "maximum",
    "min": "minimum",
    "misc": "miscellaneous",
    "cf": "compare",
    "e.g": "for example",
    "i.e": "that is",
    "et al": "and others",
    "Ph.D": "pee aitch dee",
}
# Said so only before a number.
BEFORE_NUMBER = {
    "No": "Number",
    "no": "number",
    "Nos": "Numbers",
    "nos": "numbers",
    "Vol": "Volume",
    "vol": "volume",
    "Fig": "Figure",
    "fig": "figure",
    "Ch": "Chapter",
    "ch": "chapter",
    "Sec": "Section",
    "sec": "section",
    "p": "page",
    "pp": "pages",
    "pg": "page",
    "Ext": "Extension",
    "ext": "extension",
    "ca": "circa",
    "c": "circa",
}
STARTERS = frozenset(
    (
        "The He She It We They I You This That These Those A An In On At But And Then There If When What Who Why How "
        "His Her Its Our My Your"
    ).split()
)
SAINTS = frozenset(
    "Louis John Paul Peter Mary Patrick George Francis Petersburg Lucia James Andrew Andrews Nicholas Thomas "
    "Martin Moritz Helena Mark Joseph Anthony Michael Helens Augustine Bernard Matthew Luke Stephen".split()
)
# Words in -s that are no plural nouns, after a year: "2020 was hard".
NOT_COUNTED = frozenset(
    "was has as does goes its his hers ours yours theirs always perhaps besides sometimes towards afterwards yes "
    "brings marks remains sees ends begins starts comes seems looks feels makes shows means keeps gets gives takes "
    "sounds turns news saw".split()
)
BOOKS = (
    "Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|Esther|Job|"
    "Psalms?|Proverbs|Ecclesiastes|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos|Jonah|Micah|Habakkuk|"
    "Zechariah|Malachi|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians|Philippians|Colossians|"
    "Thessalonians|Timothy|Titus|Hebrews|James|Peter|Jude|Revelation"
)
VERSE_LINK = " "
BOOK_NUMBERS = ("First", "Second", "Third")
PREPOSITIONS = frozenset("At In The On Near To From By Visit Saint Of And For With".split())

SYMBOLS = {
    "&": "and",
    "@": "at",
    "%": "percent",
    "+": "plus",
    "=": "equals",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "≈": "approximately",
    "≠": "is not equal to",
    "≤": "is at most",
    "≥": "is at least",
    "°": "degrees",
    "§": "section",
    "€": "euros",
    "£": "pounds",
    "$": "dollars",
    "¥": "yen",
    "¢": "cents",
    "²": "squared",
    "³": "cubed",
    "√": "square root of",
    "∞": "infinity",
    "№": "number",
    "‰": "per mille",
    "µ": "micro",
}
OPERATORS = {
    "+": "plus",
    "=": "equals",
    "×": "times",
    "x": "by",
    "*": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "<": "less than",
    ">": "greater than",
    "≤": "at most",
    "≥": "at least",
    "≠": "is not equal to",
    "≈": "approximately",
    "~": "about",
    "^": "to the power of",
}
WEB = {
    ".": "dot",
    "/": "slash",
    "-": "dash",
    "_": "underscore",
    "@": "at",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "+": "plus",
    "%": "percent",
    "~": "tilde",
}

_ONSET = (
    "(?:[bcdfghjklmnprstvwyz]|[bcfgkps]l|[bcdfgkptw]r|ch|kn|ph|qu|sc|sch|scr|sh|shr|s[kmnptw]|sp[lr]|squ|str|th|thr"
    "|tw|wh|wr)"
)
_CODA = (
    "(?:[bcdfgklmnprstvwxz]|c[kt]|[flnprs]t|l[dfklmps]|m[ps]|n[cdgkst]|nch|r[bcdfgkmnpstv]|rch|s[hkp]|ss|tch|ch|th"
    "|[bcdfgkpt]s|ll|ff|zz|ght|ph|ng|dge)"
)
SPELLING = SpellingFacts(
    letters=dict(
        zip(
            "abcdefghijklmnopqrstuvwxyz",
            "ay bee see dee ee eff gee aitch eye jay kay ell em en oh pee cue ar ess tee you vee w ex why zee".split(),
            strict=True,
        )
    )
    | {"w": "double you"},
    spelled=frozenset(
        "CIA USA UFO CEO CFO CTO COO CIO API AI IPO UAE EPA UCLA EU UN UK US LA IQ IT ID IP IBGE SOS DIY FAQ VIP RIP "
        "DOJ ESL AKA DOB MBA NBA URL IRS IMF SUV GOP DEA TSA NSA AOL MIT NYU USB ISP LED UI UX OS IOS AC DC MVP IDE "
        "SUS TV PC HR PR PM AM BC AD CE BCE ABC ICU ETA ATA USSR IBM ACLU OECD IOC IEEE ISO IEC IOT "
        "HIV NYC FYI SEO USC LAX SFO ISS ESA GUI TBA TBD ATV EV FDA UPS USPS UV EST EDT PST CET UTC".split()
    ),
    words={
        "OK": "okay",
        "WWI": "World War one",
        "WWII": "World War two",
        "PhD": "pee aitch dee",
        "JPEG": "jay peg",
        "MPEG": "em peg",
        "NASDAQ": "Nasdaq",
        "WYSIWYG": "wizzy wig",
        "IKEA": "Ikea",
        "TED": "Ted",
        "NAACP": "en double ay see pee",
        "GMAIL": "gmail",
        "HOTMAIL": "hotmail",
        "WWW": "double you double you double you",
        "COM": "com",
        "ORG": "org",
        "NET": "net",
        "GOV": "gov",
        "EDU": "edu",
        "HMM": "hmm",
        "SHH": "shh",
        "PSST": "psst",
    },
    short_words=frozenset(
        "AM AN AS AT BE BY DO GO HE HI IF IN IS ME MY NO OF OH ON OR SO TO UP WE AH UH OX YO HA".split()
    ),
    syllables=re.compile(
        rf"(?:{_ONSET}?[aeiouy]{{1,2}}e?){{1,4}}{_CODA}?|(?:{_ONSET}?[aeiouy]{{1,2}}{_CODA}?){{1,4}}e?"
    ),
)
