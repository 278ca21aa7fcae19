import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio.mel import FRAME_RATE
from locutor.engines.builtin.engine import Networks
from locutor.engines.builtin.pace import EDGE_FRAMES, PHONEME_FRAMES, phoneme_ends, stretched
from locutor.engines.builtin.phonemes import phoneme_tokens
from locutor.engines.builtin.solve import lay_frames

TOKENS = phoneme_tokens("_hɛlˈoʊ, hˈaʊ ɑːɹ juː?_")
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=60)


def ends_of(lengths: list[int]) -> list[int]:
    return torch.tensor(lengths).cumsum(0).tolist()


def lengths_of(ends: list[int]) -> list[int]:
    return torch.tensor([0, *ends]).diff().tolist()


@given(lengths=LENGTHS, duration_s=st.floats(0.1, 60))
def test_stretched_keeps_every_phoneme_and_the_whole_length(lengths: list[int], duration_s: float) -> None:
    ends = stretched(ends_of(lengths), duration_s)
    assert len(ends) == len(lengths) and min(lengths_of(ends)) >= 1
    assert ends[-1] == max(len(lengths), round(duration_s * FRAME_RATE))


def test_stretched_keeps_proportions() -> None:
    assert lengths_of(stretched(ends_of([2, 3, 8]), 26 / FRAME_RATE)) == [4, 6, 16]
    assert lengths_of(stretched(ends_of([4, 2, 8]), 7 / FRAME_RATE)) == [2, 1, 4]
    assert lengths_of(stretched(ends_of([100, 1, 1, 1]), 10 / FRAME_RATE)) == [7, 1, 1, 1]  # room for the last is kept
    assert stretched([5, 10], 0.001) == [1, 2]


@given(lengths=LENGTHS)
def test_frames_say_each_phoneme_in_order(lengths: list[int]) -> None:
    tokens = list(range(7, 7 + len(lengths)))
    laid = lay_frames(tokens, ends_of(lengths), sum(lengths))
    assert laid.tolist() == [token for token, n in zip(tokens, lengths, strict=True) for _ in range(n)]
    assert lay_frames(tokens, ends_of(lengths), sum(lengths) + 3)[-3:].tolist() == [tokens[-1]] * 3


class Fixed(torch.nn.Module):
    """A predictor that says what it was told."""

    def __init__(self, frames: list[float]) -> None:
        super().__init__()
        self.log_frames = torch.tensor([frames]).log()

    def forward(self, tokens: torch.Tensor, language: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
        return self.log_frames


def ends_when(frames: list[float], speed: float = 1.0) -> list[int]:
    predictor = Fixed(frames)
    return phoneme_ends(predictor, [1] * len(frames), 0, torch.zeros(1, 8, 100), speed)  # type: ignore[arg-type]


def test_silence_at_the_edges_is_limited() -> None:
    shortest, longest = EDGE_FRAMES
    assert lengths_of(ends_when([0.01, 5.0, 500.0])) == [shortest, 5, longest]
    assert lengths_of(ends_when([500.0, 5.0, 0.01])) == [longest, 5, shortest]
    assert lengths_of(ends_when([7.0, 5.0, 9.0])) == [7, 5, 9]
    assert lengths_of(ends_when([500.0, 5.0, 500.0], speed=2.0)) == [7, 3, 6]


def test_a_phoneme_is_at_least_a_frame_and_no_longer_than_is_believed() -> None:
    assert lengths_of(ends_when([4.0, 0.001, 1e9, 4.0])) == [4, PHONEME_FRAMES[0], PHONEME_FRAMES[1], 4]
    assert lengths_of(ends_when([9.0, 1.0, 1.0, 1.0, 1.0, 9.0], speed=2.0)) == [4, 1, 1, 1, 1, 3]


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_speed_divides_the_length(networks: Networks, speed: float) -> None:
    mel = torch.randn(1, 200, 100, generator=torch.Generator().manual_seed(0)) * 2 - 4
    at_one, at_speed = (phoneme_ends(networks.duration, TOKENS, 0, mel, s) for s in (1.0, speed))
    assert len(at_speed) == len(TOKENS) and min(lengths_of(at_speed)) >= 1
    assert at_speed[-1] == pytest.approx(at_one[-1] / speed, abs=len(TOKENS) / 4)
