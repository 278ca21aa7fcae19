import pytest
import torch
from torch import Tensor

from locutor.audio.resample import resample
from locutor.engines.base import VoicePrompt
from locutor.engines.builtin.bandwidth import bandwidth, fill_upper_bands
from locutor.engines.builtin.engine import BuiltinEngine
from locutor.types import Waveform

MEAN = torch.linspace(0, -4, 100)


def speech(n_bands: int, level: float = 0.0) -> Tensor:
    """Frames (1, 60, 100) around the mean of speech, empty from n_bands on."""
    mel = MEAN + level + 0.3 * torch.randn(1, 60, 100, generator=torch.Generator().manual_seed(0))
    mel[..., n_bands:] = -11.5
    return mel


@pytest.mark.parametrize("level", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("n_bands", [50, 70, 90])
def test_the_edge_is_found_at_any_level(n_bands: int, level: float) -> None:
    assert bandwidth(speech(n_bands, level), MEAN) == n_bands - 1


@pytest.mark.parametrize("level", [-1.0, 2.0])
def test_what_is_missing_follows_the_frames_that_are_there(level: float) -> None:
    mel = speech(70, level)
    filled = fill_upper_bands(mel, MEAN)
    assert torch.equal(filled[..., :69], mel[..., :69])
    assert float((filled[..., 69:] - MEAN[69:] - level).abs().max()) < 0.6
    assert float((filled[..., 69:] - MEAN[69:] - level).mean()) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("n_bands", [96, 100])
def test_full_band_speech_comes_back_as_it_is(n_bands: int) -> None:
    mel = speech(n_bands)
    wanted = mel.clone()
    assert torch.equal(fill_upper_bands(mel, MEAN), wanted)


def test_a_telephone_recording_is_heard_with_upper_bands(
    builtin: BuiltinEngine, prompts: dict[str, VoicePrompt], clips: dict[str, Waveform]
) -> None:
    clip = clips["voice_02"]
    narrow = resample(resample(clip, 8_000), clip.sample_rate)
    full, telephone = (p.state.mel[0].mean(0) for p in (prompts["voice_02"], builtin.encode_voice(narrow)))
    assert float((telephone - full)[-30:].abs().mean()) < 1.5  # of what would else lie 5 nepers lower
