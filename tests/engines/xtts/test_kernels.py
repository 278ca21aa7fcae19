"""The vocoder in Triton kernels against the plain one: on a GPU, or by Triton's interpreter on a CPU."""

import importlib.util
from typing import Any

import pytest
import torch

from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.hifigan import WaveformDecoder
from locutor.engines.xtts.vocode import fastest

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton"),
]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
on_gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device: the interpreter is too slow for full size")
CONFIG = XttsConfig()
NARROW = CONFIG.model_copy(update=dict(n_model_channels=72, vocoder_channels=96))  # no powers of 2, down to 6 channels
SIZES = pytest.mark.parametrize(("rows", "frames"), [(1, 1), (1, 57), (3, 130)])
ALLOWED = [(torch.float32, 3e-3), (torch.float16, 1e-2), (torch.bfloat16, 8e-2)]


@on_gpu
@pytest.mark.parametrize(("dtype", "allowed"), ALLOWED)
@SIZES
def test_vocoder(dtype: torch.dtype, allowed: float, rows: int, frames: int) -> None:
    assert difference(CONFIG, dtype, rows, frames) < allowed


@on_gpu
def test_a_gpu_gets_the_kernels() -> None:
    decoder = WaveformDecoder(NARROW).to(DEVICE)
    assert fastest(decoder) is not decoder


# The interpreter multiplies matrices of bfloat16 as if they were integers.
@pytest.mark.parametrize(("dtype", "allowed"), ALLOWED if DEVICE == "cuda" else ALLOWED[:2])
def test_a_vocoder_of_few_channels(dtype: torch.dtype, allowed: float) -> None:
    assert difference(NARROW, dtype, 2, 5) < allowed


def difference(config: XttsConfig, dtype: torch.dtype, rows: int, frames: int) -> float:
    """Of the kernels from the plain network in float32, relative."""
    from locutor.engines.xtts.hifigan_kernels import FusedWaveformDecoder

    torch.manual_seed(0)
    decoder: Any = WaveformDecoder(config).eval().requires_grad_(False).to(DEVICE)
    x = torch.randn(rows, config.n_model_channels, frames, device=DEVICE)
    speaker = torch.randn(rows, config.speaker_dim, 1, device=DEVICE)
    torch.backends.cudnn.allow_tf32 = False
    wanted = decoder(x, speaker)
    got = FusedWaveformDecoder(decoder.to(dtype))(x.to(dtype), speaker.to(dtype)).float()
    assert got.shape == wanted.shape and torch.isfinite(got).all()
    return float((got - wanted).norm() / wanted.norm())
