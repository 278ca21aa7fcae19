import pytest
import torch

from locutor.audio.mel import mel_spectrogram
from locutor.training.builtin.channel import FLOOR
from locutor.training.builtin.timbre import random_timbre


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def speech_like(b: int = 3) -> torch.Tensor:
    return 1.5 * torch.randn(b, 40, 100, generator=generator(1)) - 4


def test_no_change_is_none() -> None:
    mel = speech_like()
    assert torch.allclose(random_timbre(3, 100, 0.0, generator())(mel), mel, atol=1e-3)


@pytest.mark.parametrize("probability", [0.25, 1.0])
def test_a_share_of_the_samples_is_changed(probability: float) -> None:
    mel = speech_like(1000)
    moved = (random_timbre(1000, 100, probability, generator())(mel) - mel).abs().amax((1, 2)) > 0.05
    assert float(moved.float().mean()) == pytest.approx(probability, abs=0.04)


def test_the_same_timbre_lies_over_reference_and_target() -> None:
    timbre = random_timbre(2, 100, 1.0, generator())
    frame = speech_like(2)[:, :1]
    assert torch.equal(timbre(frame.expand(-1, 5, -1))[:, 4], timbre(frame)[:, 0])


def test_frequencies_are_scaled() -> None:
    """A tone stays a tone, at another place, within a quarter of an octave or so."""
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(24_000) / 24_000)[None]
    mel = mel_spectrogram(tone).transpose(1, 2)
    timbre = random_timbre(200, 100, 1.0, generator())
    flat = timbre.source[:, 0]
    assert bool((flat.diff(dim=-1) > -1e-4).all())  # the order of the bands is kept
    loudest = (timbre(mel.expand(200, -1, -1)) - timbre.offset).mean(1).argmax(-1)
    original = int(mel.mean(1).argmax())
    assert original - 14 < int(loudest.min()) < original - 2 < original + 2 < int(loudest.max()) < original + 14


def test_level_is_kept_and_silence_stays_silent() -> None:
    mel = speech_like()
    mel[:, :5] = FLOOR
    changed = random_timbre(3, 100, 1.0, generator()).keeping_level(mel)(mel)
    assert torch.allclose(changed[:, :5], mel[:, :5], atol=1e-4)
    power = [torch.exp(2 * m[:, 5:]).mean((1, 2)) for m in (mel, changed)]
    assert torch.allclose(power[0], power[1], rtol=0.02)
