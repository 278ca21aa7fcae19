"""The front end against upstream's tokens, and vocabularies as files."""

import builtins
import unicodedata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.f5.tokens import Vocabulary, check_speakable, read_vocabulary, tokenize
from locutor.errors import CheckpointError, MissingExtraError, NotFoundError, TextError


def test_tokens_equal_upstream(kit: ModuleType) -> None:
    cases = kit.read_json("front_end.json")
    assert len(cases) >= 60
    wrong = [case["text"] for case in cases if tokenize(case["text"]) != case["tokens"]]
    assert wrong == []


def test_only_chinese_needs_the_extra(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_imports(monkeypatch, "rjieba", "pypinyin")
    refused = 0
    for case in kit.read_json("front_end.json"):
        if any("CJK" in unicodedata.name(c, "") for c in case["text"]):
            refused += 1
            with pytest.raises(MissingExtraError, match=r"locutor\[f5\]"):
                tokenize(case["text"])
        elif not any(unicodedata.name(c, "").startswith(("FULLWIDTH", "IDEOGRAPHIC")) for c in case["text"]):
            assert tokenize(case["text"]) == case["tokens"]
    assert refused > 10


def refuse_imports(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    real = builtins.__import__

    def importer(name: str, *rest: Any, **kwargs: Any) -> Any:
        if name in names:
            raise ImportError(name)
        return real(name, *rest, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importer)


@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=40))
def test_own_segments_equal_the_segmenter(text: str) -> None:
    """For texts without Chinese the segmenter's rules are written out here; both ways must agree."""
    rjieba = pytest.importorskip("rjieba")
    from locutor.engines.f5 import tokens

    if not tokens.CHINESE.search(text):
        assert list(tokens._segments(text)) == rjieba.cut(text)


@given(st.text(st.sampled_from("abcCXT019+#&._%- AT&"), max_size=20))
def test_own_segments_of_words_equal_the_segmenter(text: str) -> None:
    rjieba = pytest.importorskip("rjieba")
    from locutor.engines.f5 import tokens

    assert list(tokens._segments(text)) == rjieba.cut(text)


@given(st.text(st.characters(max_codepoint=0x24F), max_size=60))
def test_no_character_is_lost(text: str) -> None:
    spoken = "".join(tokenize(text))
    straight = text.translate(str.maketrans({";": ","}))
    assert spoken.replace(" ", "") == straight.replace(" ", "")


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_vocabulary_file(tmp_path: Path, end: str) -> None:
    """With Unix and Windows line ends, and without a last one; upstream cuts the last token then."""
    path = tmp_path / "vocab.txt"
    path.write_bytes((end or "\n").join([" ", "a", "zh1", "\u2028", "é"]).encode() + end.encode())
    vocabulary = read_vocabulary(path)
    assert vocabulary.ids([" ", "a", "zh1", "\u2028", "é", "unknown"]) == [0, 1, 2, 3, 4, 0]
    assert len(vocabulary) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\n", "must be a space"),
        (b"", "must be a space"),
        (b" \na\na\n", "repeats 1 token"),
        (b" \n\xff\xfe\n", "not UTF-8 at byte 2"),
    ],
)
def test_bad_vocabulary_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_vocabulary(path)


def test_missing_vocabulary_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no vocabulary"):
        read_vocabulary(tmp_path / "vocab.txt")


def test_unknown_characters_are_transliterated_or_told() -> None:
    vocabulary = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz,.'\""])
    fitted = vocabulary.fit("“Ação”; 你 \U0001f600")
    assert fitted.text == "“acao”; 你 "
    assert fitted.dropped == ("\U0001f600",)


@pytest.mark.parametrize("text", ["", "  ", "...", "?! —", "\u200b"])
def test_nothing_to_speak(text: str) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        check_speakable(text)
