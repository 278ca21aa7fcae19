"""A user's pronunciation lexicon: how words that a voice gets wrong are to be said.

    # comment
    Siobhan = shiv-awn
    GIF = jif              [en]
    Nike = naique          [pt-BR]
    polish = POH-lish      [en, case]
    tomato = /təˈmɑːtoʊ/   [en]

One entry a line: the word (or a few words), `=` or a tab, and a respelling in ordinary letters, or phonemes between
slashes. Any apostrophe stands for any other. In square brackets after it: the language it is meant for (without one:
all), and `case` when the word must be written just so. Respellings replace the word in the text; phonemes wait for
the voice model's own grapheme-to-phoneme step, which asks `phonemes_for`.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from locutor.errors import NotFoundError, OptionError
from locutor.text.languages import parse_language

_ENTRY = re.compile(r"(?P<word>[^=\t]*)[=\t](?P<spoken>[^\[\]]*)(?:\[(?P<flags>[^\[\]]*)\]\s*)?")


@dataclass(frozen=True)
class Entry:
    """One line of a lexicon. language None: any. phonemes: `spoken` is phonemes (without the slashes)."""

    word: str
    spoken: str
    language: str | None = None
    match_case: bool = False
    phonemes: bool = False


@dataclass(frozen=True)
class Lexicon:
    """Entries by word; an entry for one language comes before one for all, an exact case before any case."""

    entries: tuple[Entry, ...] = ()
    _by_word: dict[str, list[Entry]] = field(init=False, repr=False, compare=False)
    _patterns: dict[str, re.Pattern[str]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        by_word: dict[str, list[Entry]] = {}
        for entry in sorted(self.entries, key=lambda e: (e.language is None, not e.match_case)):
            by_word.setdefault(_key(entry.word), []).append(entry)
        object.__setattr__(self, "_by_word", by_word)

    @classmethod
    def load(cls, path: Path | str) -> "Lexicon":
        """Read a lexicon file (UTF-8). Raises NotFoundError, or OptionError naming the file and line."""
        path = Path(path)
        if not path.is_file():
            raise NotFoundError(f"no lexicon file {path}")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise OptionError(f"{path}: a lexicon must be UTF-8 text ({error.reason})") from error
        return cls.parse(text, source=str(path))

    @classmethod
    def parse(cls, text: str, source: str = "lexicon") -> "Lexicon":
        """Read a lexicon from a string. Raises OptionError naming the source and line."""
        entries: dict[tuple[str, str | None, bool], Entry] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            entry = _parse_entry(line, f"{source}:{number}")
            key = (_plain(entry.word) if entry.match_case else _key(entry.word), entry.language, entry.match_case)
            if key in entries:
                raise OptionError(f"{source}:{number}: {entry.word!r} is already in the lexicon")
            entries[key] = entry
        return cls(tuple(entries.values()))

    def find(self, word: str, language: str) -> Entry | None:
        """The entry that decides how `word` is said in `language`, if there is one."""
        for entry in self._by_word.get(_key(word), ()):
            if entry.language in (None, language) and (not entry.match_case or _plain(entry.word) == _plain(word)):
                return entry
        return None

    def matches(self, text: str, language: str) -> list[tuple[re.Match[str], Entry]]:
        """Whole words of the text that have an entry, longest first where several begin at one place."""
        if not self.entries:
            return []
        found = ((match, self.find(match[0], language)) for match in self._pattern(language).finditer(text))
        return [(match, entry) for match, entry in found if entry is not None]

    def apply(self, text: str, language: str) -> str:
        """The text with respelled words; words that have phonemes are left for `phonemes_for`."""
        text = unicodedata.normalize("NFC", text)
        pieces, end = [], 0
        for match, entry in self.matches(text, language):
            pieces += [text[end : match.start()], match[0] if entry.phonemes else entry.spoken]
            end = match.end()
        return "".join(pieces) + text[end:]

    def write_phonemes(self, text: str, language: str) -> str:
        """The text with every word that has phonemes written as /phonemes/, for an engine that reads them so."""
        text = unicodedata.normalize("NFC", text)
        pieces, end = [], 0
        for match, entry in self.matches(text, language):
            pieces += [text[end : match.start()], f"/{entry.spoken}/" if entry.phonemes else match[0]]
            end = match.end()
        return "".join(pieces) + text[end:]

    def phonemes_for(self, word: str, language: str) -> str | None:
        """The phonemes given for a word, without slashes; None when it has none or a respelling."""
        entry = self.find(word, language)
        return entry.spoken if entry is not None and entry.phonemes else None

    def _pattern(self, language: str) -> re.Pattern[str]:
        if language not in self._patterns:
            entries = [e for e in self.entries if e.language in (None, language)]
            words = sorted({_source(e) for e in entries}, key=len, reverse=True)
            self._patterns[language] = re.compile(rf"(?<!\w)(?:{'|'.join(words) or '(?!)'})(?!\w)")
        return self._patterns[language]


_APOSTROPHES = "'’‘‛′´`ʼ"
_APOSTROPHE = re.compile(f"[{_APOSTROPHES}]")


def _plain(word: str) -> str:
    """The word as it is compared: composed, with one kind of apostrophe and of space."""
    return _APOSTROPHE.sub("'", " ".join(unicodedata.normalize("NFC", word).split()))


def _key(word: str) -> str:
    return _plain(word).casefold()


def _source(entry: Entry) -> str:
    source = r"\s+".join(re.escape(part) for part in _plain(entry.word).split()).replace("'", f"[{_APOSTROPHES}]")
    return source if entry.match_case else f"(?i:{source})"


def _parse_entry(line: str, where: str) -> Entry:
    match = _ENTRY.fullmatch(unicodedata.normalize("NFC", line))
    word = " ".join(match["word"].split()) if match else ""
    spoken = " ".join(match["spoken"].split()) if match else ""
    if match is None or not word or not spoken:
        raise OptionError(f"{where}: expected 'word = respelling [language]', not {line.strip()!r}")
    phonemes = len(spoken) > 2 and spoken[0] == spoken[-1] == "/"
    if not phonemes and (not any(c.isalpha() for c in spoken) or any(c.isnumeric() for c in spoken)):
        raise OptionError(f"{where}: a respelling is written in letters, without digits, not {spoken!r}")
    language, match_case = _parse_flags(match["flags"], where)
    return Entry(word, spoken.strip("/").strip() if phonemes else spoken, language, match_case, phonemes)


def _parse_flags(flags: str | None, where: str) -> tuple[str | None, bool]:
    language, match_case = None, False
    for flag in (flags or "").split(","):
        if flag.strip().lower() == "case":
            match_case = True
        elif flag.strip():
            try:
                language = parse_language(flag)
            except OptionError as error:
                raise OptionError(f"{where}: {error}; or 'case'") from error
    return language, match_case
