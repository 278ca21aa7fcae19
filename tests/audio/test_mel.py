"""Both mels against upstream's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from locutor.audio import mel
from locutor.audio.mel import MelConfig, mel_filterbank, mel_spectrogram
from locutor.errors import OptionError

GOLDEN = Path(__file__).parents[1] / "goldens" / "f5" / "signal.npz"


def golden() -> dict[str, Tensor]:
    with np.load(GOLDEN) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def difference(kind: str) -> float:
    wanted = golden()
    return float((mel_spectrogram(wanted["samples"], MelConfig(kind)) - wanted[kind]).abs().max())


@pytest.mark.parametrize("kind", mel.KINDS)
def test_equals_upstream(kind: str) -> None:
    wanted = golden()
    assert wanted[kind].std() > 0.5
    torch.testing.assert_close(mel_spectrogram(wanted["samples"], MelConfig(kind)), wanted[kind], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", mel.KINDS)
def test_magnitudes_equal_upstream(kind: str) -> None:
    """Before the logarithm, which enlarges the rounding of faint bands."""
    wanted = golden()
    ours = mel_spectrogram(wanted["samples"], MelConfig(kind)).exp()
    torch.testing.assert_close(ours, wanted[kind].exp(), rtol=1e-5, atol=1e-5)


def test_kinds_are_not_interchangeable() -> None:
    wanted = golden()
    bigvgan = mel_spectrogram(wanted["samples"], MelConfig("bigvgan"))
    assert (bigvgan - wanted["vocos"][..., : bigvgan.shape[-1]]).abs().mean() > 0.5


@pytest.mark.parametrize(("name", "value"), [("LOG_FLOOR", 1e-7), ("_htk_mel", lambda hz: hz), ("N_FFT", 0)])
def test_errors_are_noticed(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    assert difference("vocos") < 1e-4
    if name == "N_FFT":
        monkeypatch.setattr(mel, "_window", lambda n_fft, device: torch.hamming_window(n_fft))
    else:
        monkeypatch.setattr(mel, name, value)
    mel_filterbank.cache_clear()
    try:
        assert difference("vocos") > 1e-3
    finally:
        mel_filterbank.cache_clear()


@pytest.mark.parametrize("n_samples", [1024, 2560, 24_000, 24_001])
def test_lengths(n_samples: int) -> None:
    samples = torch.zeros(2, n_samples)
    assert mel_spectrogram(samples).shape == (2, 100, n_samples // 256 + 1)
    assert mel_spectrogram(samples, MelConfig("bigvgan")).shape == (2, 100, n_samples // 256)


def test_silence_is_the_floor() -> None:
    floor = torch.tensor(1e-5).log()
    assert torch.allclose(mel_spectrogram(torch.zeros(1, 4096)), floor)


def test_unknown_kind() -> None:
    with pytest.raises(OptionError, match="vocos, bigvgan, not 'mfcc'"):
        MelConfig("mfcc")
