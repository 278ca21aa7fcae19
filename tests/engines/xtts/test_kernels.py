"""The vocoder in Triton kernels against the plain one, on a GPU."""

import importlib.util
from typing import Any

import pytest
import torch

from locutor.engines.xtts.config import XttsConfig
from locutor.engines.xtts.hifigan import WaveformDecoder
from locutor.engines.xtts.vocode import fastest

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() or importlib.util.find_spec("triton") is None,
        reason="needs a CUDA device and Triton",
    ),
]
CONFIG = XttsConfig()


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 3e-3), (torch.float16, 1e-2), (torch.bfloat16, 8e-2)])
@pytest.mark.parametrize(("rows", "frames"), [(1, 1), (1, 57), (3, 130)])
def test_vocoder(dtype: torch.dtype, allowed: float, rows: int, frames: int) -> None:
    torch.manual_seed(0)
    decoder: Any = WaveformDecoder(CONFIG).eval().requires_grad_(False).to("cuda")
    x = torch.randn(rows, CONFIG.n_model_channels, frames, device="cuda")
    speaker = torch.randn(rows, CONFIG.speaker_dim, 1, device="cuda")
    torch.backends.cudnn.allow_tf32 = False
    wanted = decoder(x, speaker)
    fused = fastest(decoder.to(dtype))
    assert fused is not decoder
    got = fused(x.to(dtype), speaker.to(dtype)).float()
    assert got.shape == wanted.shape and torch.isfinite(got).all()
    assert (got - wanted).norm() / wanted.norm() < allowed
