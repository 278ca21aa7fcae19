"""Scripts: texts of several voices and pauses, in lines such as `[voice:Ana] Hello. [pause:0.8s] Are you there?`

A tag holds from where it stands until the next one of its kind; a text before any voice tag is in the script's own
voice. Square brackets that are no tag are text. A tag that is meant but misspelt ([voice:], [pause:soon]) is an error.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from locutor.errors import NotFoundError, OptionError, TextError
from locutor.serving.backend import Part, Pause, Spoken
from locutor.types import SpeechRequest
from locutor.voices.store import Voice

MAX_PAUSE_S = 30.0
MAX_LINES = 2000

_TAG = re.compile(r"\[\s*(voice|pause)\s*:([^\[\]]*)\]", re.IGNORECASE)
_DURATION = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*(ms|s)", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A stretch of text. voice: its name or id, None for the script's own."""

    voice: str | None
    text: str


ScriptPart: TypeAlias = Line | Pause


def has_tags(text: str) -> bool:
    """Whether a text is a script."""
    return _TAG.search(text) is not None


def parse_script(text: str) -> list[ScriptPart]:
    """Lines and pauses in order; text between two tags is one line, whatever line breaks are in it.

    Raises OptionError for a voice without a name or a pause that is no duration of at most MAX_PAUSE_S, TextError
    when no text is left.
    """
    parts = list(_parts(text))
    if not any(isinstance(part, Line) for part in parts):
        raise TextError("the script has no text to speak, only tags")
    if len(parts) > MAX_LINES:
        raise TextError(f"a script has at most {MAX_LINES} lines and pauses, not {len(parts)}")
    return parts


def _parts(text: str) -> Iterator[ScriptPart]:
    voice: str | None = None
    start = 0
    for tag in _TAG.finditer(text):
        yield from _line(voice, text[start : tag.start()])
        start = tag.end()
        if tag[1].lower() == "pause":
            yield Pause(_duration_s(tag))
        else:
            voice = _name(tag)
    yield from _line(voice, text[start:])


def _line(voice: str | None, text: str) -> Iterator[Line]:
    if any(char.isalnum() for char in text):
        yield Line(voice, text.strip())


def _name(tag: re.Match[str]) -> str:
    name = tag[2].strip()
    if not name:
        raise OptionError(f"the tag {tag[0]!r} names no voice; write [voice:NAME]")
    return name


def _duration_s(tag: re.Match[str]) -> float:
    found = _DURATION.fullmatch(tag[2].strip())
    if found is None:
        raise OptionError(f"the tag {tag[0]!r} is no pause; write [pause:1.5s] or [pause:300ms]")
    duration_s = float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
    if duration_s > MAX_PAUSE_S:
        raise OptionError(f"a pause lasts at most {MAX_PAUSE_S:g} s, not {duration_s:g}")
    return duration_s


def cast(
    script: Sequence[ScriptPart], request: SpeechRequest, own: Voice | None, find: Callable[[str], Voice]
) -> list[Part]:
    """Give every line its voice, before anything is spoken; `request` says how, `own` speaks lines without a tag.

    Raises NotFoundError that names every voice that is missing, OptionError for a line without a voice.
    """
    names = dict.fromkeys(part.voice for part in script if isinstance(part, Line))
    voices: dict[str | None, Voice] = {None: own} if own is not None else {}
    missing: list[str] = []
    for name in names:
        if name is None:
            if own is None:
                raise OptionError("the script begins without a voice; start it with [voice:NAME]")
            continue
        try:
            voices[name] = find(name)
        except NotFoundError as error:
            missing.append(str(error))
    if missing:
        raise NotFoundError("; ".join(missing))
    return [
        Spoken(replace(request, text=part.text), voices[part.voice]) if isinstance(part, Line) else part
        for part in script
    ]
