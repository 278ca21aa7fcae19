"""Splitting a text into chunks that F5 can speak in one go."""

import re

from locutor.engines.f5.duration import n_bytes

CLAUSE_END = re.compile(r"(?<=[;:,.!?])\s+|(?<=[；：，。！？])")
WINDOW_S = 22.0  # reference and new speech together; the checkpoints heard up to 30 s
MIN_CHUNK_BYTES = 30  # shorter chunks lose words


def max_chunk_bytes(ref_text: str, ref_s: float, speed: float = 1.0) -> int:
    """Upstream's budget: what the reference's pace fits into the rest of the window."""
    return int(n_bytes(ref_text) / ref_s * (WINDOW_S - ref_s) * speed)


def chunk_text(text: str, max_bytes: int) -> list[str]:
    """Join clauses greedily into chunks of about max_bytes of UTF-8, as upstream does; a longer clause stays whole."""
    chunks: list[str] = []
    current = ""
    for clause in CLAUSE_END.split(text):
        if not clause:
            continue
        spaced = clause + " " if clause[-1].isascii() else clause
        if n_bytes(current) + n_bytes(clause) > max_bytes:
            chunks.append(current)
            current = ""
        current += spaced
    chunks.append(current)
    return [chunk.strip() for chunk in chunks if chunk]


def split_text(text: str, max_bytes: int) -> list[str]:
    """Chunks of at most max_bytes (at least MIN_CHUNK_BYTES): a clause that is too long is cut between words, a word
    that is too long between characters. No other character than space at a cut is lost."""
    limit = max(max_bytes, MIN_CHUNK_BYTES)
    return [piece for chunk in chunk_text(text, limit) for piece in _cut(chunk, limit)]


def _cut(text: str, limit: int) -> list[str]:
    pieces: list[str] = []
    current = ""
    for word in re.findall(r"\s*\S+", text):
        if n_bytes((current + word).strip()) > limit and current:
            pieces.append(current.strip())
            current = ""
        while n_bytes(word.strip()) > limit:
            head = _fitting(word.strip(), limit)
            pieces.append(head)
            word = word.strip()[len(head) :]
        current += word
    pieces.append(current.strip())
    return [piece for piece in pieces if piece]


def _fitting(word: str, limit: int) -> str:
    """The longest start of a word within limit bytes that does not cut a character."""
    return word.encode()[:limit].decode(errors="ignore")
