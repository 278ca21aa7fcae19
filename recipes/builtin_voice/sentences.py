"""Collect English and Portuguese sentences from unpacked Debian packages: `python sentences.py PACKAGES_DIR OUT_DIR`.

PACKAGES_DIR holds one folder per package (see README.md for the list); OUT_DIR gets en.txt and pt-BR.txt, one sentence
a line: letters and ordinary punctuation only, 25 to 170 characters, so that no reading of numbers is involved.
"""

import html
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from locutor.evaluation.lists import is_test_text

PORTUGUESE = set("áàâãéêíóôõúçÁÀÂÃÉÊÍÓÔÕÚÇ")
ALLOWED = {"en": r"[A-Za-z ,.;:!?'\-]+", "pt-BR": r"[A-Za-zÁÀÂÃÉÊÍÓÔÕÚÇáàâãéêíóôõúç ,.;:!?'\-]+"}
SOURCES = {
    "en": ["fortunes-min*/usr/share/games/fortunes/*", "fortunes_*/usr/share/games/fortunes/*",
           "libreoffice-help-en*/**/*.html", "gimp-help-en*/**/*.html",
           "debian-edu-doc-en*/**/*.html", "debian-reference*/usr/share/debian-reference/*.en.html",
           "aptitude-doc-en*/**/*.html"],
    "pt-BR": ["fortunes-br*/usr/share/games/fortunes/*", "libreoffice-help-pt-br*/**/*.html",
              "gimp-help-pt-br*/**/*.html", "debian-edu-doc-pt-br*/**/*.html",
              "debian-reference*/usr/share/debian-reference/*.pt.html"],
}  # fmt: skip


def plain_text(source: str) -> str:
    """HTML without its markup, one block element a line."""
    source = re.sub(r"(?is)<(script|style|pre|code|title|head)[^>]*>.*?</\1>", " ", source)
    source = re.sub(r"(?i)</?(p|div|li|td|tr|h\d|br|dt|dd)[^>]*>", "\n", source)
    return html.unescape(re.sub(r"<[^>]+>", "", source))


def sentences(source: str, is_html: bool) -> Iterator[str]:
    paragraphs = plain_text(source).split("\n") if is_html else re.split(r"\n\s*\n|%\n", source)
    for paragraph in paragraphs:
        for sentence in re.split(r"(?<=[.!?;:])\s+", re.sub(r"\s+", " ", paragraph).strip()):
            sentence = sentence.strip(" \"'()[]-—*•")
            if 25 <= len(sentence) <= 170:
                yield sentence


def is_speech(sentence: str, language: str) -> bool:
    """Whether it reads like a sentence (words of ordinary length, few capitals) and is none that we evaluate with."""
    if not re.fullmatch(ALLOWED[language], sentence):
        return False
    words = sentence.split()
    capitals = sum(word[0].isupper() for word in words)
    shouted = any(word.isupper() and len(word) > 1 for word in words)
    ordinary = len(words) >= 4 and max(map(len, words)) <= 18 and capitals <= len(words) / 2 and not shouted
    return ordinary and not is_test_text(sentence)


def collect(root: Path, language: str) -> list[str]:
    found: set[str] = set()
    rng = random.Random(0)
    for pattern in SOURCES[language]:
        for path in sorted(p for p in root.glob(pattern) if p.is_file() and p.suffix not in (".dat", ".u8")):
            source = path.read_text(encoding="utf8", errors="ignore")
            is_html = path.suffix == ".html" or "<html" in source[:2000].lower()
            for sentence in sentences(source, is_html):
                # Half of the sentences without an accent are left out: many of them are untranslated English.
                foreign = language == "pt-BR" and not set(sentence) & PORTUGUESE and rng.random() < 0.5
                if is_speech(sentence, language) and not foreign:
                    found.add(sentence)
    return sorted(found)


if __name__ == "__main__":
    packages, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for language in SOURCES:
        lines = collect(packages, language)
        (out / f"{language}.txt").write_text("\n".join(lines) + "\n", encoding="utf8")
        print(language, len(lines))
