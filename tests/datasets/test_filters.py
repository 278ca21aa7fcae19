from collections.abc import Callable

import pytest

from locutor.datasets.filters import (
    Limits,
    missing_text,
    pace_problems,
    sound_problems,
    speaker_problems,
    text_problems,
)
from locutor.datasets.manifest import Clip, Heard, Measures, Problem, SpokenWord
from locutor.errors import OptionError

GOOD = Measures(
    level_dbfs=-20,
    snr_db=30,
    clipped_ratio=0.0001,
    bandwidth_hz=8000,
    speech_s=3.5,
    longest_pause_s=0.4,
    edge_db=-50,
    burst_s=0,
    speaker_similarity=0.9,
    worst_similarity=0.8,
)
LIMITS = Limits()
Check = Callable[[Clip, Limits], list[Problem]]


def clip(*, end_s: float = 4.0, is_cut: bool = False, **measures: float | None) -> Clip:
    figures = GOOD.model_copy(update=measures)
    heard = Heard(text="What was said in this clip.", language="en", cer=0.0)
    return Clip(id="a", source="s", start_s=0, end_s=end_s, is_cut=is_cut, given="What was said in this clip.",
                measures=figures, heard=heard, text="What was said in this clip.")  # fmt: skip


def test_a_good_clip() -> None:
    for check in (sound_problems, speaker_problems, text_problems, pace_problems):
        assert check(clip(), LIMITS) == []


@pytest.mark.parametrize(
    ("spoilt", "check", "words"),
    [
        (clip(snr_db=9.94), "noise", "speech is 9.9 dB above the noise, at least 10 dB is needed"),
        (clip(level_dbfs=-50), "level", "at -50 dBFS"),
        (clip(clipped_ratio=0.01), "clipping", "1.00% of it is clipped, at most 0.20%"),
        (clip(bandwidth_hz=3400), "band", "no sound above 3400 Hz"),
        (clip(speech_s=0), "silence", "nobody speaks in it"),
        (clip(speech_s=1), "silence", "speaks in 25% of it"),
        (clip(longest_pause_s=2.5), "silence", "nobody speaks for 2.5 s"),
        (clip(edge_db=-5), "cut", "inside a word"),
        (clip(is_cut=True), "cut", "there was no pause"),
        (clip(burst_s=0.1), "damage", "for 0.10 s"),
        (clip(end_s=0.5, speech_s=0.4), "length", "it lasts 0.50 s, at least 1 s"),
        (clip(end_s=25, speech_s=20), "length", "at most 20 s"),
    ],
)
def test_bad_sound(spoilt: Clip, check: str, words: str) -> None:
    [problem] = sound_problems(spoilt, LIMITS)
    assert problem.check == check and words in problem.sentence and problem.severity >= 0


def test_limits_move_the_line() -> None:
    noisy = clip(snr_db=8)
    assert sound_problems(noisy, LIMITS) and not sound_problems(noisy, Limits(min_snr_db=7))


def test_what_is_worse_is_more_severe() -> None:
    noisy = [sound_problems(clip(snr_db=snr_db), LIMITS)[0].severity for snr_db in (9, 5, 0, -5)]
    clipped = [sound_problems(clip(clipped_ratio=r), LIMITS)[0].severity for r in (0.003, 0.01, 0.1)]
    assert noisy == sorted(noisy) and clipped == sorted(clipped)


def test_other_voices() -> None:
    [all_of_it] = speaker_problems(clip(speaker_similarity=0.5), LIMITS)
    [a_part] = speaker_problems(clip(worst_similarity=0.4), LIMITS)
    assert "not that of the others" in all_of_it.sentence and "a part is" in a_part.sentence
    assert speaker_problems(clip(speaker_similarity=None, worst_similarity=None), LIMITS) == []


def with_text(**heard: object) -> Clip:
    update = {"text": "What was said.", "language": "en", **heard}
    return clip().model_copy(update={"heard": Heard(**update)})


def test_texts_that_are_not_said() -> None:
    assert [p.check for p in text_problems(with_text(cer=0.3), LIMITS)] == ["text"]
    assert [p.check for p in text_problems(with_text(cer=0.1, is_loop=True), LIMITS)] == ["loop"]
    assert [p.check for p in text_problems(with_text(text=" ... ", cer=1.0), LIMITS)] == ["words"]
    [problem] = text_problems(clip().model_copy(update={"heard": None}), LIMITS)
    assert problem.check == "transcript" and problem.sentence.startswith("it was not transcribed; transcribe again")
    [problem] = text_problems(clip().model_copy(update={"heard": None, "error": "x is damaged"}), LIMITS)
    assert problem.sentence == "it was not transcribed"


def test_words_that_were_guessed() -> None:
    words = (SpokenWord(start_s=0, end_s=1, text="What", probability=0.3),)
    guessed = with_text(words=words).model_copy(update={"given": None})
    assert [p.check for p in text_problems(guessed, LIMITS)] == ["words"]
    assert text_problems(with_text(words=words, cer=0.0), LIMITS) == []


def test_a_text_written_by_hand_is_believed() -> None:
    assert text_problems(with_text(cer=0.9).model_copy(update={"edited": True}), LIMITS) == []


@pytest.mark.parametrize(("text", "is_missing"), [("", True), ("...", True), ("I", False), ("7", False), ("是", False)])
def test_a_text_without_words(text: str, is_missing: bool) -> None:
    assert bool(missing_text(clip().model_copy(update={"text": text}))) is is_missing


def test_pace() -> None:
    assert pace_problems(clip().model_copy(update={"text": "No."}), LIMITS)[0].check == "pace"
    assert "at most 30" in pace_problems(clip().model_copy(update={"text": "word " * 30}), LIMITS)[0].sentence


@pytest.mark.parametrize("wrong", [{"min_snr_db": 200}, {"max_cer": -1}, {"max_duration_s": 0.5}])
def test_limits_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="must be between"):
        Limits(**wrong)
