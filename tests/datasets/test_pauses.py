import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.analysis.vad import SpeechSpan
from locutor.datasets.manifest import Cue
from locutor.datasets.pauses import (
    SegmentOptions,
    Stretch,
    cue_atoms,
    speech_atoms,
    stretches,
    whole_atom,
)
from locutor.errors import OptionError

OPTIONS = SegmentOptions()


def spans(*edges: float) -> list[SpeechSpan]:
    return [SpeechSpan(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def cut(speech: list[SpeechSpan], duration_s: float, options: SegmentOptions = OPTIONS) -> list[Stretch]:
    return stretches(speech_atoms(speech, options, lambda low, high: (low + high) / 2), duration_s, options)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[SpeechSpan], float]:
    """Stretches of speech of up to a minute with pauses from 30 ms to 5 s."""
    now = draw(st.floats(0, 3))
    speech = []
    for length, pause in draw(st.lists(st.tuples(st.floats(0.1, 60), st.floats(0.03, 5)), max_size=20)):
        speech.append(SpeechSpan(now, now + length))
        now += length + pause
    return speech, now + draw(st.floats(0, 3))


@given(recordings(), st.floats(0.5, 5), st.floats(6, 20), st.floats(0, 0.4), st.floats(0.2, 2))
def test_what_holds_for_every_recording(
    recording: tuple[list[SpeechSpan], float], min_s: float, max_s: float, padding_s: float, max_pause_s: float
) -> None:
    speech, duration_s = recording
    options = SegmentOptions(min_s=min_s, max_s=max_s, padding_s=padding_s, max_pause_s=max_pause_s)
    found = cut(speech, duration_s, options)
    edges = [edge for stretch in found for edge in (stretch.start_s, stretch.end_s)]
    assert edges == sorted(edges), "no moment is in two clips"
    assert all(0 <= edge <= duration_s for edge in edges)
    assert all(stretch.end_s - stretch.start_s <= max_s + 1e-6 for stretch in found)
    for span in speech:  # all speech is in some clip, whole unless it is too long for one
        inside = [s for s in found if s.start_s < span.end_s and s.end_s > span.start_s]
        assert inside[0].start_s <= span.start_s and inside[-1].end_s >= span.end_s
        if len(inside) > 1:
            assert span.end_s - span.start_s > max_s - 2 * padding_s - 1e-9
            assert all(stretch.is_cut for stretch in inside)
    for stretch in found:
        within = [span for span in speech if stretch.start_s < span.end_s and stretch.end_s > span.start_s]
        gaps = [b.start_s - a.end_s for a, b in zip(within, within[1:], strict=False)]
        assert all(gap <= max_pause_s + 1e-9 for gap in gaps)


def test_cuts_lie_in_the_longest_pauses() -> None:
    speech = spans(0.5, 4, 4.2, 7, 7.7, 11, 11.15, 14, 14.3, 16)
    found = cut(speech, 17)
    assert [(s.start_s, s.end_s) for s in found] == [(0.3, 7.2), (7.5, pytest.approx(16.2))]
    assert not any(s.is_cut or s.text for s in found)


def test_short_stretches_are_joined_but_not_over_a_long_pause() -> None:
    found = cut(spans(1, 2, 2.3, 3, 3.3, 4, 8, 9), 10)
    assert [(s.start_s, s.end_s) for s in found] == [(0.8, 4.2), (7.8, 9.2)]


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    asked: list[tuple[float, float]] = []

    def quietest(low: float, high: float) -> float:
        asked.append((low, high))
        return 9.0

    atoms = speech_atoms(spans(1, 15), OPTIONS, quietest)
    assert [(atom.start_s, atom.end_s, atom.start_cut, atom.end_cut) for atom in atoms] == [
        (1, 9, False, True),
        (9, 15, True, False),
    ]
    assert asked == [(4, 12)]  # so that neither part is too short or too long
    assert [s.is_cut for s in stretches(atoms, 16, OPTIONS)] == [True, True]


def cues(*parts: tuple[float, float, str]) -> list[Cue]:
    return [Cue(start_s=start, end_s=end, text=text) for start, end, text in parts]


def test_subtitles_end_at_pauses() -> None:
    speech = spans(1.0, 2.8, 3.3, 6.0, 6.5, 8.0)
    written = cues((0.9, 3.1, "One."), (3.1, 4.5, "Two and"), (4.5, 6.2, "three."), (6.2, 8.4, "Four."))
    atoms = cue_atoms(speech, written)
    assert [(a.start_s, a.end_s, a.text) for a in atoms] == [
        (1.0, 2.8, "One."),
        (3.3, 6.0, "Two and three."),
        (6.5, 8.0, "Four."),
    ]
    assert [s.text for s in stretches(atoms, 9, OPTIONS)] == ["One. Two and three. Four."]


def test_speech_without_subtitles_is_left_out() -> None:
    atoms = cue_atoms(spans(0, 2, 10, 12, 20, 22), cues((9.8, 12.1, "Here."), (30, 31, "Music")))
    assert [(a.start_s, a.end_s, a.text) for a in atoms] == [(10, 12, "Here.")]
    assert cue_atoms([], cues((0, 1, "Nobody speaks."))) == []


def test_a_whole_text_stays_whole() -> None:
    [atom] = whole_atom(spans(0.5, 3, 8, 30), "All of it.")
    assert stretches([atom], 31, OPTIONS) == [Stretch(0.3, 30.2, "All of it.", False)]
    assert whole_atom([], "Nothing.") == [] and stretches([], 5, OPTIONS) == []


@pytest.mark.parametrize("wrong", [{"min_s": 0.1}, {"max_s": 100}, {"padding_s": -1}, {"min_s": 10, "max_s": 10}])
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        SegmentOptions(**wrong)
