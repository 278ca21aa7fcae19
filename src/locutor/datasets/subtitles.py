"""Subtitles: SRT and WebVTT.

Not covered: subtitles that roll (each line shown twice, as in automatic captions of video sites), positions, styles.
"""

import html
import re

from locutor.datasets.manifest import Cue
from locutor.errors import TextError

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?$")
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_DASH = re.compile(r"^\s*[-–—]\s+")


def parse_subtitles(text: str) -> tuple[Cue, ...]:
    """The cues with words in them, in order of their start. Markup and the dash before a speaker are taken off.

    Raises TextError when there is no cue at all, or one that ends before it starts.
    """
    blocks = re.split(r"\n[ \t]*\n", re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff")))
    cues = [cue for cue in map(_cue, blocks) if cue is not None]
    if not cues:
        raise TextError("no subtitle is in it: no line has the form 00:00:01,000 --> 00:00:02,000")
    return tuple(sorted((cue for cue in cues if cue.text), key=lambda cue: cue.start_s))


def _cue(block: str) -> Cue | None:
    """The cue of a block of lines; None for headers and notes, which have no times."""
    lines = block.split("\n")
    for number, line in enumerate(lines[:2] if not lines[0].startswith("WEBVTT") else lines):
        if match := _TIMES.match(line):
            start_s, end_s = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
            if end_s < start_s:
                raise TextError(f"a subtitle ends before it starts: {line.strip()!r}")
            return Cue(start_s=start_s, end_s=end_s, text=_words(lines[number + 1 :]))
    return None


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + float(f"0.{fraction}")


def _words(lines: list[str]) -> str:
    spoken = (_DASH.sub("", html.unescape(_MARKUP.sub("", line))) for line in lines)
    return " ".join(" ".join(spoken).split())
