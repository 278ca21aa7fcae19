"""E-mail addresses, URLs, hashtags and mentions, read out sign by sign."""

import re

from locutor.text.normalize.grammar import Grammar
from locutor.text.normalize.rules import MASK, Rule, rule
from locutor.text.normalize.spelling import say_label

_EMOTICON = r"(?<![\w:;])(?:[:;=]['-]?[)(DPp/|]|<3|:'\(|\^_?\^)(?!\w)"


def _plain_numerals(text: str) -> str:
    """Without numerals other than 0-9: superscripts, fractions and the like have no place in an address."""
    return "".join(" " if c.isnumeric() and not c.isalpha() and not c.isdecimal() else c for c in text)


def _say_address(address: str, grammar: Grammar) -> str:
    words = []
    for token in re.findall(r"\d+|[^\W\d_]+|[^\w\s]|_", _plain_numerals(address)):
        if token.isdigit():
            words.append(grammar.cardinal(token, "m"))
        elif token.isalpha():
            words.append(say_label(token, grammar.spelling))
        else:
            words.append(grammar.web.get(token, ""))
    return " ".join(word for word in words if word)


def _say_url(match: re.Match[str], grammar: Grammar) -> str:
    return _say_address(re.sub(r"^(?:[a-z]+://)?(?:www\.)?", "", match[0].rstrip("/"), flags=re.I), grammar)


def _say_hashtag(match: re.Match[str], grammar: Grammar) -> str:
    words = re.findall(
        r"[^\W\d_]?[^\W\d_A-ZÀ-ÖØ-Þ]+|[A-ZÀ-ÖØ-Þ]+(?![^\W\d_A-ZÀ-ÖØ-Þ])|\d+", _plain_numerals(match["tag"])
    )
    spoken = [grammar.cardinal(w, "m") if w.isdigit() else say_label(w, grammar.spelling) for w in words]
    return " ".join([grammar.hashtag if match["sign"] == "#" else grammar.symbols["@"], *spoken])


_FILE_TYPES = frozenset(
    "pdf txt doc docx odt xls xlsx csv ppt pptx jpg jpeg png gif svg webp mp mp3 mp4 wav flac ogg zip tar gz html htm "
    "css js ts py md json xml yaml toml exe".split()
)


def _say_dotted(match: re.Match[str], grammar: Grammar) -> str | None:
    """ "Node.js", but not "acabou.mas" or "Olá.tudo" with a space forgotten."""
    first, second = match["first"], match["second"]
    if {first, f"{first}.{second}"} & grammar.abbreviations:
        return None
    certain = second in _FILE_TYPES or match["path"] or match["more"]
    if not certain and (second.capitalize() in grammar.starters or not first.isascii()):
        return None
    return _say_address(match[0], grammar)


_PATH = rf"[^\s<>\".,;:!?)\]'{MASK}]*"
_TOP_LEVEL = "com|org|net|gov|edu|io|br|uk|dev|app|info|mil|jus"


def address_rules(grammar: Grammar) -> list[Rule]:
    """E-mail addresses, URLs, bare domains, hashtags, mentions, emoticons."""
    return [
        rule(
            "email",
            r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[a-z]{2,24}(?![\w-])",
            lambda m: _say_address(m[0], grammar),
            re.I,
        ),
        rule(
            "url",
            rf"(?<!\w)(?:https?://|ftp://|www\.)[^\s<>\"{MASK}]*[^\s<>\".,;:!?)\]'{MASK}]",
            lambda m: _say_url(m, grammar),
            re.I,
        ),
        rule(
            "url",
            rf"(?<![\w@.-])(?:[a-z0-9-]{{1,63}}\.){{1,5}}(?:{_TOP_LEVEL})(?![\w-])(?:/{_PATH})?",
            lambda m: _say_url(m, grammar),
            re.I,
        ),
        rule(
            "hashtag",
            r"(?<![\w&])(?P<sign>@)(?P<tag>[^\W\d]\w*+(?:\.[a-z0-9_]++)++)",
            lambda m: _say_address(m[0], grammar),
        ),
        rule("hashtag", r"(?<![\w&])(?P<sign>[#@])(?P<tag>[^\W\d]\w*+)", lambda m: _say_hashtag(m, grammar)),
        rule(
            "dotted name",
            r"(?<![\w@.'-])(?P<first>(?:\w++-){0,9}[^\W\d]\w*+)\.(?P<second>[a-z][a-z0-9_]++)(?!\w)"
            rf"(?P<more>(?:\.[a-z][a-z0-9_]++)*+)(?!\w)(?P<path>/{_PATH})?",
            lambda m: _say_dotted(m, grammar),
        ),
        rule("emoji", _EMOTICON, lambda m: ""),
    ]
