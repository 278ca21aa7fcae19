"""Chunks against upstream's, and the hard splits that upstream lacks."""

from types import ModuleType

from hypothesis import example, given
from hypothesis import strategies as st

from locutor.engines.f5.chunking import MIN_CHUNK_BYTES, chunk_text, max_chunk_bytes, split_text
from locutor.engines.f5.duration import n_bytes


def test_limits_equal_upstream(kit: ModuleType) -> None:
    for case in kit.read_json("chunks.json")["limits"]:
        assert max_chunk_bytes(case["ref_text"], case["ref_s"], case["speed"]) == case["max_bytes"]


def test_chunks_equal_upstream(kit: ModuleType) -> None:
    for case in kit.read_json("chunks.json")["chunks"]:
        assert chunk_text(case["text"], case["max_bytes"]) == case["chunks"], case


@given(st.text(max_size=300), st.integers(-10, 200))
@example("x" * 100, 40)
@example("你好" * 50, 31)
@example("word " * 50 + "a" * 70 + " end", 35)
def test_split_loses_nothing_and_obeys_the_limit(text: str, limit: int) -> None:
    chunks = split_text(text, limit)
    assert "".join("".join(chunks).split()) == "".join(text.split())
    assert all(0 < n_bytes(chunk) <= max(limit, MIN_CHUNK_BYTES) for chunk in chunks)


def test_words_stay_whole_where_they_fit() -> None:
    text = "no punctuation at all in this sentence " * 10
    words = set(text.split())
    assert {word for chunk in split_text(text, 50) for word in chunk.split()} == words


def test_ten_thousand_characters() -> None:
    text = "This is one sentence of many, and it goes on. " * 220
    chunks = split_text(text, 135)
    assert len(text) > 10_000 and all(n_bytes(chunk) <= 135 for chunk in chunks)
    assert " ".join(chunks).split() == text.split()
