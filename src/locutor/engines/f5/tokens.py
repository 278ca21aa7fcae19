"""F5's text front end: characters and pinyin syllables, and the vocabulary that numbers them.

The checkpoints learnt the spacing of a Chinese word segmenter, in every language: "café-bar" is read as "caf", "é",
"-", "bar" and gets a space before "bar". The segmenter is needed for Chinese alone; what it does to everything else
is a few rules, which are here.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from locutor.errors import CheckpointError, MissingExtraError, NotFoundError, TextError
from locutor.text.alphabet import Fitted, fit_alphabet

STRAIGHTEN = str.maketrans({";": ",", "“": '"', "”": '"', "‘": "'", "’": "'"})
CHINESE = re.compile(r"[\u3007\u3100-\u9fff\ue000-\ufaff\U00020000-\U0010ffff]")  # wider than what pinyin covers
WORDLIKE = re.compile(r"([a-zA-Z0-9+#&._%\-]+)")
SPACES = re.compile(r"(\r\n|\s)")
# The segmenter's dictionary holds these; then come words joined by dots, dashes or underscores, then other runs.
WORDS = re.compile(r"AT&T|[cC]#|[cC]\+\+")
PARTS = re.compile(r"[a-zA-Z0-9]+(?:[._\-][a-zA-Z0-9]+)*%?|[^a-zA-Z0-9]+")
NO_SPACE_AFTER = " :'\""


class Vocabulary:
    """Tokens by number, as in a checkpoint's vocab.txt: line i holds token i, and token 0 is the space."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._ids = {token: i for i, token in enumerate(tokens)}
        if self._ids.get(" ") != 0:
            first = tokens[0] if tokens else ""
            raise CheckpointError(f"the first token of a vocabulary must be a space, not {first!r}")
        if len(self._ids) != len(tokens):
            raise CheckpointError(f"the vocabulary repeats {len(tokens) - len(self._ids)} tokens")
        self._characters = frozenset(token for token in tokens if len(token) == 1)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """Numbers of tokens; one that is not in the vocabulary counts as a space, as upstream does."""
        return [self._ids.get(token, 0) for token in tokens]

    def fit(self, text: str) -> Fitted:
        """Write a text with the characters of this vocabulary; see locutor.text.alphabet.fit_alphabet.

        Chinese and what `tokenize` straightens itself stay as they are.
        """
        own = {c for c in text if CHINESE.match(c) or ord(c) in STRAIGHTEN}
        return fit_alphabet(text, self._characters | own)


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a vocab.txt in UTF-8: one token a line, with Unix or Windows line ends, with or without a last one.

    A line is never stripped, for the first is a single space. Raises NotFoundError, CheckpointError.
    """
    if not path.is_file():
        raise NotFoundError(f"no vocabulary file at {path}")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not a vocabulary: not UTF-8 at byte {error.start}") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    try:
        return Vocabulary(lines)
    except CheckpointError as error:
        raise CheckpointError(f"{path} is not a usable vocabulary: {error}") from error


def tokenize(text: str) -> list[str]:
    """Tokens of a text, equal to what F5-TTS 1.1.22 makes of it: characters, and pinyin with tone numbers.

    Raises MissingExtraError when the text holds Chinese and the [f5] extra is not installed.
    """
    tokens: list[str] = []
    text = text.translate(STRAIGHTEN)
    segments = _jieba(text) if CHINESE.search(text) else _segments(text)
    for segment in segments:
        if segment.isascii():
            if tokens and len(segment) > 1 and tokens[-1] not in NO_SPACE_AFTER:
                tokens.append(" ")
            tokens += segment
        elif len(segment.encode()) == 3 * len(segment):
            tokens += _wide(segment)
        else:
            for character in segment:
                tokens += _wide(character) if _is_chinese(character) else [character]
    return tokens


def check_speakable(text: str) -> None:
    """Raise TextError when a text has no letter or digit."""
    if not any(c.isalnum() for c in text):
        raise TextError(f"there is nothing to speak in {text[:60]!r}: it has no letter or digit")


def _segments(text: str) -> Iterator[str]:
    """What the segmenter gives for a text without Chinese."""
    for i, block in enumerate(WORDLIKE.split(text)):
        if i % 2:
            yield from _wordlike_segments(block)
            continue
        for part in SPACES.split(block):
            yield from [part] if part == "\r\n" else part


def _wordlike_segments(block: str) -> Iterator[str]:
    start = 0
    for match in WORDS.finditer(block):
        yield from PARTS.findall(block[start : match.start()])
        yield match.group()
        start = match.end()
    yield from PARTS.findall(block[start:])


def _is_chinese(character: str) -> bool:
    return "\u3100" <= character <= "\u9fff"


def _wide(segment: str) -> list[str]:
    """Tokens of characters that take three bytes each: pinyin where there is one, after a space for Chinese ones."""
    tokens: list[str] = []
    for character, syllable in zip(segment, _pinyin(segment), strict=False):
        if _is_chinese(character):
            tokens.append(" ")
        tokens.append(syllable)
    return tokens


def _jieba(text: str) -> list[str]:
    try:
        import rjieba
    except ImportError as error:
        raise MissingExtraError("rjieba", "f5") from error
    return rjieba.cut(text)


def _pinyin(segment: str) -> list[str]:
    if not CHINESE.search(segment):
        return list(segment)
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise MissingExtraError("pypinyin", "f5") from error
    return lazy_pinyin(segment, style=Style.TONE3, tone_sandhi=True)
