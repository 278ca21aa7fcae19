"""Lengths against upstream's pipeline, and their limits."""

from types import ModuleType

import pytest

from locutor.engines.f5 import duration
from locutor.engines.f5.duration import FRAME_RATE, MAX_FRAMES, fixed_frames, new_frames, share_duration, total_frames
from locutor.errors import OptionError, TextError

CROSS_FADE_S = 0.15


def spaced(ref_text: str) -> str:
    return ref_text + " " if ref_text[-1].isascii() else ref_text


def test_estimates_equal_upstream(kit: ModuleType) -> None:
    compared = 0
    for case in kit.read_json("durations.json"):
        ref_frames = int(24_000 * case["ref_s"]) // 256
        short = any(duration.n_bytes(text) < 10 for text in case["texts"])
        if case["fix"] is None and (case["speed"] == 1.0 or not short):
            ours = [estimate(ref_frames, case["ref_text"], text, case["speed"]) for text in case["texts"]]
            assert sorted(ours) == case["durations"], case
            compared += 1
    assert compared > 70


def estimate(ref_frames: int, ref_text: str, text: str, speed: float) -> int:
    pace = duration.local_speed(text, speed)
    return ref_frames + duration.estimate_frames(ref_frames, spaced(ref_text), text, pace)


def test_fixed_durations_equal_upstream(kit: ModuleType) -> None:
    compared = 0
    for case in kit.read_json("durations.json"):
        if case["fix"] is not None:
            ref_frames = int(24_000 * case["ref_s"]) // 256
            new_s = case["fix"] - ref_frames / FRAME_RATE
            shares = share_duration(new_s, case["texts"], CROSS_FADE_S)
            assert sorted(ref_frames + fixed_frames(ref_frames, s) for s in shares) == case["durations"], case
            compared += 1
    assert compared == 45


def test_usual_paces_are_upstreams() -> None:
    assert new_frames(500, "x" * 80, "y" * 60) == int(500 / 80 * 60)


@pytest.mark.parametrize(
    ("ref_text", "least_s", "most_s"), [("x" * 5000, 2.0, 2.0), ("x", 15.0, 15.0)], ids=["too fast", "too slow"]
)
def test_paces_nobody_speaks_at_are_bounded(ref_text: str, least_s: float, most_s: float) -> None:
    """A transcript that does not belong to the reference must not give a blip or minutes."""
    frames = new_frames(500, ref_text, "y" * 60)
    assert least_s - 0.05 <= frames / FRAME_RATE <= most_s + 0.05


@pytest.mark.parametrize("text", ["a", "Hi.", "Yes sir", "Sim."])
def test_short_texts_get_room(text: str) -> None:
    frames = new_frames(500, "x" * 80, text)
    assert frames >= round(0.25 * FRAME_RATE)
    assert frames >= 3 * duration.estimate_frames(500, "x" * 80, text)


def test_speed_shortens_and_lengthens() -> None:
    slow, usual, fast = (new_frames(500, "x" * 80, "y" * 60, speed) for speed in (0.5, 1.0, 2.0))
    assert slow == pytest.approx(2 * usual, abs=1)
    assert fast == pytest.approx(usual / 2, abs=1)
    assert new_frames(500, "x" * 80, "Hi.", 0.5) > new_frames(500, "x" * 80, "Hi.", 2.0)


def test_a_text_too_long_for_one_go() -> None:
    with pytest.raises(TextError, match="split it"):
        new_frames(1000, "x" * 100, "y" * 1000)


def test_a_fixed_duration_too_long_for_one_go() -> None:
    with pytest.raises(OptionError, match=r"at most 76\.7 s"):
        fixed_frames(1000, 80.0)
    assert fixed_frames(0, MAX_FRAMES / FRAME_RATE) == MAX_FRAMES


def test_whole_sequence_has_room_for_reference_text_and_speech() -> None:
    assert total_frames(100, 50, n_tokens=20) == 150
    assert total_frames(100, 0, n_tokens=20) == 102
    assert total_frames(100, 50, n_tokens=400) == 401
