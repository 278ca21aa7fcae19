"""Token rows over frames."""

from locutor.engines.f5.layout import frame_mask, packed


def test_tokens_come_first_then_fillers() -> None:
    assert packed([0, 4, 2], 5).tolist() == [1, 5, 3, 0, 0]


def test_tokens_that_do_not_fit_are_cut() -> None:
    assert packed([7, 8, 9], 2).tolist() == [8, 9]
    assert packed([], 2).tolist() == [0, 0]


def test_frame_mask() -> None:
    assert frame_mask([1, 3]).tolist() == [[True, False, False], [True, True, True]]
