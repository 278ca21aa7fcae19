import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.datasets.manifest import Cue
from locutor.datasets.subtitles import parse_subtitles
from locutor.errors import TextError

SRT = """\ufeff1
00:00:01,000 --> 00:00:02,500
<i>Good morning,</i>
- {\\an8}everybody.

2
00:01:00,040 --> 01:00:00,5
Tea &amp; cake
"""
VTT = """WEBVTT - a title
Kind: captions

NOTE
this is no subtitle --> not at all

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.500 align:start position:0%
<v Ana><c.yellow>Olá</c>, <00:01.500>mundo.

00:03.000 --> 00:04.000

01:00:05.000 --> 01:00:06.000
Fim.
"""


def test_srt() -> None:
    for text in (SRT, SRT.replace("\n", "\r\n")):
        assert parse_subtitles(text) == (
            Cue(start_s=1, end_s=2.5, text="Good morning, everybody."),
            Cue(start_s=60.04, end_s=3600.5, text="Tea & cake"),
        )


def test_vtt() -> None:
    assert parse_subtitles(VTT) == (
        Cue(start_s=1, end_s=2.5, text="Olá, mundo."),
        Cue(start_s=3605, end_s=3606, text="Fim."),
    )


@pytest.mark.parametrize("text", ["", "no times here\n\nnor here", "WEBVTT"])
def test_no_subtitles(text: str) -> None:
    with pytest.raises(TextError, match="no subtitle is in it"):
        parse_subtitles(text)


def test_time_runs_forwards() -> None:
    with pytest.raises(TextError, match="ends before it starts"):
        parse_subtitles("1\n00:00:05,000 --> 00:00:04,000\nNo\n")


WORDS = st.text(st.characters(categories=("Ll", "Lu", "Nd")), min_size=1, max_size=8)
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=3)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**5), LINES), min_size=1, max_size=6), st.booleans())
def test_what_is_written_is_read(cues: list[tuple[int, int, list[str]]], is_vtt: bool) -> None:
    def clock(ms: int) -> str:
        return (
            f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d}{'.' if is_vtt else ','}{ms % 1000:03d}"
        )

    blocks = ["WEBVTT"] if is_vtt else []
    for number, (start, length, lines) in enumerate(cues, 1):
        blocks.append("\n".join([str(number), f"{clock(start)} --> {clock(start + length)}", *lines]))
    found = parse_subtitles("\n\n".join(blocks) + "\n")
    expected = sorted((start / 1000, (start + length) / 1000, " ".join(lines)) for start, length, lines in cues)
    assert sorted((cue.start_s, cue.end_s, cue.text) for cue in found) == [
        (pytest.approx(start), pytest.approx(end), text) for start, end, text in expected
    ]
    assert [cue.start_s for cue in found] == sorted(cue.start_s for cue in found)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert all(cue.text and cue.end_s >= cue.start_s for cue in parse_subtitles(text))
    except TextError:
        pass
