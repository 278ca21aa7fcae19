"""Audio brought closer to the mel it was made from."""

import pytest
import torch

from locutor.audio.mel import mel_spectrogram
from locutor.engines.builtin.engine import Networks
from locutor.engines.builtin.match import matched


def voiced(n: int, hz: float = 140.0) -> torch.Tensor:
    """A hum with harmonics, swelling, (n,) at 24 kHz."""
    time_s = torch.arange(n) / 24_000
    swell = 0.6 + 0.4 * torch.sin(2 * torch.pi * 3 * time_s)
    return swell * sum(0.2 / k * torch.sin(2 * torch.pi * k * hz * time_s + k) for k in range(1, 30))  # type: ignore[no-any-return]


def mel_of(audio: torch.Tensor) -> torch.Tensor:
    return mel_spectrogram(audio[None])[0].T  # (n, c)


def distance(audio: torch.Tensor, mel: torch.Tensor) -> float:
    return float((mel_of(audio) - mel).abs().mean())


def test_audio_that_has_its_mel_stays_as_it_is() -> None:
    audio = voiced(256 * 80)
    assert torch.allclose(
        matched(audio, mel_of(audio)), audio, atol=5e-3
    )  # but for 0 Hz, of which no band says anything


@torch.inference_mode()
def test_what_the_vocoder_says_comes_closer_to_the_mel(networks: Networks) -> None:
    mel = mel_of(voiced(256 * 120))
    [said] = networks.vocoder.decode([mel])
    made = matched(said, mel)
    assert made.shape == said.shape
    assert distance(made, mel) < 0.6 * distance(said, mel)


def test_wrong_levels_are_mended() -> None:
    audio = voiced(256 * 80)
    assert distance(matched(0.3 * audio, mel_of(audio)), mel_of(audio)) < 0.05 < distance(0.3 * audio, mel_of(audio))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4])
def test_shortest_audio(n_frames: int) -> None:
    audio = voiced(256 * (n_frames - 1))
    made = matched(audio, torch.zeros(n_frames, 100))
    assert made.shape == audio.shape and bool(torch.isfinite(made).all())


def test_silence_stays_finite() -> None:
    silent = torch.zeros(256 * 20)
    assert bool(torch.isfinite(matched(silent, mel_of(silent))).all())
