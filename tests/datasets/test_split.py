from hypothesis import given
from hypothesis import strategies as st

from locutor.datasets.manifest import Clip
from locutor.datasets.split import GUARD, MIN_CLIPS, TRAIN, VAL, split_clips


def clips_of(n: int, per_source: int = 5, texts: int = 10_000) -> tuple[list[Clip], dict[str, str]]:
    clips = [
        Clip(
            id=f"c{i}",
            source=f"s{i // per_source}",
            start_s=i % per_source,
            end_s=i % per_source + 1,
            text=f"words {'abcdefghij'[i % texts % 10]} {'x' * (i % texts)}",
        )  # fmt: skip
        for i in range(n)
    ]
    return clips, {f"s{i}": f"name {i:05d}.wav" for i in range(n)}


@given(st.integers(0, 400), st.floats(0, 0.5), st.integers(0, 2**32))
def test_no_neighbour_of_a_held_out_clip_is_learned_from(n: int, share: float, seed: int) -> None:
    clips, names = clips_of(n)
    parts = split_clips(clips, names, share, seed)
    assert len(parts) == n and set(parts) <= {TRAIN, VAL, GUARD}
    for a, b in zip(parts, parts[1:], strict=False):
        assert {a, b} != {TRAIN, VAL}
    if n < MIN_CLIPS or share == 0:
        assert set(parts) <= {TRAIN}
    else:
        assert VAL in parts and parts.count(VAL) <= max(1, round(share * n))
        assert parts.count(TRAIN) >= 0.3 * n


def test_the_share_is_held_out_and_little_is_lost() -> None:
    clips, names = clips_of(1000)
    parts = split_clips(clips, names, 0.05, 1)
    assert parts.count(VAL) == 50 and parts.count(GUARD) == 12
    assert split_clips(clips, names, 0.05, 1) == parts != split_clips(clips, names, 0.05, 2)


def test_neighbours_are_told_by_name_and_time_not_by_order() -> None:
    clips, names = clips_of(40)
    parts = split_clips(clips, names, 0.2, 3)
    order = sorted(range(40), key=lambda i: i * 7919 % 40)
    assert split_clips([clips[i] for i in order], names, 0.2, 3) == [parts[i] for i in order]


def test_no_text_is_in_both_parts() -> None:
    clips, names = clips_of(200, texts=7)
    parts = split_clips(clips, names, 0.1, 0)
    learned = {clip.text for clip, part in zip(clips, parts, strict=True) if part == TRAIN}
    assert not learned & {clip.text for clip, part in zip(clips, parts, strict=True) if part == VAL}
