"""Fine structure along frequency made stronger."""

import pytest
import torch

from locutor.engines.builtin.sharpen import STRENGTHS, sharpened


def test_what_is_smooth_stays() -> None:
    flat = torch.full((3, 100), -2.0)
    assert torch.allclose(sharpened(flat), flat)
    slope = torch.linspace(-4, 1, 100).repeat(3, 1)
    assert torch.allclose(sharpened(slope)[:, 2:-2], slope[:, 2:-2], atol=1e-5)


@pytest.mark.parametrize("tenth", range(10))
def test_ripples_grow_by_the_strength_of_their_bands(tenth: int) -> None:
    ripples = torch.zeros(1, 100)
    ripples[0, ::2] = 0.1
    middle = slice(10 * tenth + 4, 10 * tenth + 6)
    departure = ripples - torch.nn.functional.avg_pool1d(ripples[None], 5, stride=1, padding=2)[0]
    grown = (sharpened(ripples) - ripples)[0, middle] / departure[0, middle] + 1
    assert torch.allclose(grown, torch.tensor(STRENGTHS[tenth]), atol=0.02)


def test_frames_do_not_hear_each_other() -> None:
    torch.manual_seed(0)
    mel = torch.randn(7, 100)
    assert torch.equal(sharpened(mel)[3:4], sharpened(mel[3:4]))
