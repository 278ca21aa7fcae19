import math

import pytest
import torch

from locutor.training.builtin.channel import FLOOR, add_noise, coloured, narrowed, random_colour, recorded, reverberant


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_colour_is_one_smooth_curve_a_sample() -> None:
    colour = random_colour(500, 100, 1.0, generator())
    assert colour.shape == (500, 1, 100)
    clean = random_colour(500, 100, 0.0, generator())
    assert bool((clean.std(-1) < 1e-6).all()) and 0.08 < float(clean[..., 0].std()) < 0.12  # the level alone
    assert float(colour.std(-1).median()) > 0.15
    assert float(colour[:, 0].diff(dim=-1).abs().max()) < 0.25


def test_a_narrow_band_loses_the_top_and_nothing_below_3_khz() -> None:
    mel = torch.full((2000, 2, 100), -1.0)
    narrow = narrowed(mel, 0.5, generator())
    assert bool((narrow[..., :53] == -1.0).all())
    assert 0.3 < float((narrow[:, 0, 99] < -3).float().mean()) < 0.6


def test_a_room_rings_on_and_fades() -> None:
    mel = torch.full((200, 90, 3), FLOOR)
    mel[:, 10] = 0.0
    rung = reverberant(mel, 0.5, generator())
    assert torch.equal(rung[100:], mel[100:])  # the other half is dry
    assert torch.allclose(rung[:100, 10], mel[:100, 10], atol=1e-3) and bool((rung >= mel - 1e-3).all())
    below_db = -20 / math.log(10) * rung[:100, 11, 0]
    assert 5 <= float(below_db.min()) and float(below_db.max()) < 32  # 5 to 25 dB, and a frame's fading
    assert bool((rung[:100, 12:60].diff(dim=1) <= 1e-4).all())


def test_a_recording_is_worse_on_a_share_of_the_samples() -> None:
    mel = 0.5 * torch.randn(2000, 12, 100, generator=generator()) - 1
    assert torch.allclose(recorded(mel, 0.0, generator()), mel)
    changed = (recorded(mel, 0.3, generator()) - mel).abs().amax((1, 2)) > 1e-3
    assert float(changed.float().mean()) == pytest.approx(1 - 0.7 * 0.85 * 0.7, abs=0.08)


@pytest.mark.parametrize("probability", [0.0, 0.4, 1.0])
def test_a_share_of_the_samples_is_coloured_and_noisy(probability: float) -> None:
    colour = random_colour(4000, 100, probability, generator())
    assert float((colour.std(-1) > 1e-6).float().mean()) == pytest.approx(probability, abs=0.03)
    mel = torch.full((4000, 2, 10), FLOOR)
    mel[:, :, 0] = 0.0
    noisy = add_noise(mel, probability, generator())
    changed = (noisy != mel).any(-1).any(-1)
    assert float(changed.float().mean()) == pytest.approx(probability, abs=0.03)


def test_noise_adds_power_at_a_level_below_the_loud_frames() -> None:
    mel = torch.full((2000, 20, 100), FLOOR)
    mel[:, 0] = 0.0
    noisy = add_noise(mel, 1.0, generator())
    assert bool((noisy >= mel - 1e-6).all())
    below_db = -20 / math.log(10) * noisy[:, 1:, 45:55].mean((1, 2))
    assert 13 < float(below_db.min()) and float(below_db.max()) < 57
    assert float(below_db.mean()) == pytest.approx(35, abs=2)


def test_the_floor_of_digital_silence_stays() -> None:
    mel = torch.tensor([[[FLOOR, -2.0]]])
    assert torch.allclose(coloured(mel, torch.tensor([[[-1.0, -1.0]]])), torch.tensor([[[FLOOR, -3.0]]]))
    assert torch.allclose(coloured(mel, torch.tensor([[[1.0, 1.0]]])), torch.tensor([[[FLOOR + 1, -1.0]]]))
