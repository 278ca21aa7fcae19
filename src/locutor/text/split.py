"""Cut a text into sentences, and pack sentences into chunks that a voice model can speak in one go."""

import re
from collections.abc import Iterator

from locutor.errors import OptionError

_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*+\n\s*")
_SENTENCE_END = re.compile(r"[.!?…。！？।؟]++[\"'”’»)\]]*+(?=\s)|[。！？]++")
# Abbreviations that sentencex takes for the end of a sentence; compared without the full stop, lower case.
_ABBREVIATIONS = {
    "en": frozenset("mr mrs ms dr prof st ave no vs gen gov sen rep capt lt sgt col rev fig vol".split()),
    "pt-BR": frozenset(
        "av dr dra sr sra srta prof profa al rod pça pç tv est jd cel cap gen sgt ten eng arq dep gov min pe "
        "sto sta exmo exma ilmo n nº pág p pp vol art tel ap apto cx séc aprox".split()
    ),
}
# Longest stretch given to sentencex at once: on unbalanced quotes it takes quadratic time.
_STRETCH_CHARS = 10_000


def split_paragraphs(text: str) -> list[str]:
    """Paragraphs (separated by blank lines), without the white space around them; empty ones are left out."""
    return [p for p in (part.strip() for part in _PARAGRAPH_BREAK.split(text)) if p]


def split_sentences(text: str, language: str) -> list[str]:
    """Sentences in order, stripped; a sentence never spans a blank line. No character but white space is lost.

    language: a tag of locutor.text.languages. sentencex decides (by its rules for the language); where its answer
    loses characters, `split_by_punctuation` does.
    """
    return [s for paragraph in split_paragraphs(text) for s in _paragraph_sentences(paragraph, language)]


def _paragraph_sentences(paragraph: str, language: str) -> list[str]:
    import sentencex

    sentences: list[str] = []
    for stretch in split_long(paragraph, _STRETCH_CHARS):
        found = [s.strip() for s in sentencex.segment(language.split("-")[0], stretch)]
        if _without_space("".join(found)) != _without_space(stretch):
            found = split_by_punctuation(stretch)
        sentences += [s for s in found if s]
    return _rejoin_abbreviations(sentences, language)


def _without_space(text: str) -> str:
    return "".join(text.split())


def split_by_punctuation(text: str) -> list[str]:
    """Sentences by closing punctuation followed by white space; knows no abbreviations."""
    cuts = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    pieces = [text[start:end].strip() for start, end in zip(cuts, cuts[1:], strict=False)]
    return [piece for piece in pieces if piece]


def _rejoin_abbreviations(sentences: list[str], language: str) -> list[str]:
    known = _ABBREVIATIONS.get(language, frozenset())
    groups: list[list[str]] = []
    for sentence in sentences:
        last = groups[-1][-1].rsplit(None, 1)[-1].lower() if groups else ""
        if last.endswith(".") and last[:-1].lstrip("(\"'“") in known:
            groups[-1].append(sentence)
        else:
            groups.append([sentence])
    return [" ".join(group) for group in groups]


def split_long(sentence: str, max_chars: int) -> list[str]:
    """Pieces of at most max_chars, cut as late as possible: after punctuation, else at a space, else anywhere.

    Raises OptionError when max_chars is below 1.
    """
    _check_max_chars(max_chars)
    return list(_pieces(sentence.strip(), max_chars))


def _check_max_chars(max_chars: int) -> None:
    if max_chars < 1:
        raise OptionError(f"max_chars must be at least 1, not {max_chars}")


def _pieces(text: str, max_chars: int) -> Iterator[str]:
    start = 0
    while len(text) - start > max_chars:
        end = start + _cut(text[start : start + max_chars + 1], max_chars)
        piece = text[start:end].strip()
        if piece:
            yield piece
        start = end
        while start < len(text) and text[start].isspace():
            start += 1
    if text[start:]:
        yield text[start:]


# A cut in the first quarter would leave a stub that is spoken badly: the next kind of place is tried instead.
_CUTS = (re.compile(r"[.!?…;:]['\"”’»)]*+(?=\s)"), re.compile(r",(?=\s)| [-–—](?=\s)"), re.compile(r"\s"))


def _cut(window: str, max_chars: int) -> int:
    for pattern in _CUTS:
        ends = [match.end() for match in pattern.finditer(window) if match.end() <= max_chars]
        if pattern is _CUTS[-1]:
            ends = [match.start() for match in pattern.finditer(window) if match.start() > 0]
        if ends and ends[-1] * 4 >= max_chars:
            return ends[-1]
    return ends[-1] if ends else max_chars


def chunk(text: str, language: str, max_chars: int) -> list[str]:
    """Whole sentences packed greedily into chunks of at most max_chars; longer sentences are cut by split_long.

    A chunk never spans two paragraphs. Time and memory grow linearly with the text. Raises OptionError when
    max_chars is below 1.
    """
    _check_max_chars(max_chars)
    chunks: list[str] = []
    for paragraph in split_paragraphs(text):
        pieces = (p for s in _paragraph_sentences(paragraph, language) for p in split_long(s, max_chars))
        chunks += _pack(pieces, max_chars)
    return chunks


def _pack(pieces: Iterator[str], max_chars: int) -> Iterator[str]:
    pending: list[str] = []
    n_chars = 0
    for piece in pieces:
        if pending and n_chars + 1 + len(piece) > max_chars:
            yield " ".join(pending)
            pending, n_chars = [], 0
        n_chars += len(piece) + bool(pending)
        pending.append(piece)
    if pending:
        yield " ".join(pending)
