"""Whose voice it is: the SpeakerEncoder protocol and a d-vector network with Resemblyzer's weights.

The network is a three-layer LSTM over 40 mel bands (Wan et al. 2018, https://arxiv.org/abs/1710.10467), run on windows
of 1.6 s whose unit vectors are averaged. The package `resemblyzer` (Apache-2.0) serves only as the carrier of its
weights file; its code, which needs librosa and webrtcvad, is not imported.

Not covered: Resemblyzer's removal of long silences. Both sides of a comparison are treated alike, so it is not missed.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from locutor.analysis.weights import package_folder
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Samples, Waveform

if TYPE_CHECKING:
    from torch import Tensor, nn

SAMPLE_RATE = 16_000
N_FFT = 400  # 25 ms
HOP_LENGTH = 160  # 10 ms
N_MELS = 40
HIDDEN_SIZE = 256
WINDOW_FRAMES = 160
WINDOW_STEP = 77  # frames: 1.3 windows a second
MIN_COVERAGE = 0.75  # of the last window must be sound, else it is left out
LEVEL_DBFS = -30.0  # quieter speech is raised to this

Embedding = npt.NDArray[np.float32]


class SpeakerEncoder(Protocol):
    """A model that turns speech into a point where the same voice lands nearby."""

    def embed(self, waveform: Waveform) -> Embedding:
        """Unit vector of shape (d,)."""
        ...


def similarity(a: Embedding, b: Embedding) -> float:
    """Cosine of two embeddings, both of shape (d,)."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


class LstmSpeakerEncoder:
    """Resemblyzer's network on the CPU; embeddings of shape (256,), unit length, none negative."""

    def __init__(self, weights: Path | None = None) -> None:
        """Load `weights`, or those inside the installed package `resemblyzer`; MissingExtraError without it."""
        self._lstm, self._linear = _load(weights or package_folder("resemblyzer", "eval") / "pretrained.pt")
        self._filters = _mel_filters()

    def embed(self, waveform: Waveform) -> Embedding:
        """Embedding of shape (256,). Raises AudioError for silence."""
        mean = self.embed_windows(waveform).mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

    def embed_windows(self, waveform: Waveform, step_frames: int = WINDOW_STEP) -> Embedding:
        """One embedding for each window of 1.6 s, (n_windows, 256), a window every step_frames (10 ms each).

        Audio shorter than a window is filled up with silence. Raises AudioError for silence.
        """
        samples = _raise_level(resample(waveform, SAMPLE_RATE).samples)
        starts = _window_starts(samples.size, step_frames)
        samples = np.pad(samples, (0, max(0, (starts[-1] + WINDOW_FRAMES) * HOP_LENGTH - samples.size)))
        return self._embed_windows(samples, starts)

    def _embed_windows(self, samples: Samples, starts: list[int]) -> Embedding:
        """(n_samples,) -> (n_windows, 256), each row of unit length."""
        import torch

        with torch.inference_mode():
            mel = _mel(torch.from_numpy(samples), self._filters)  # (n_frames, 40)
            batch = torch.stack([mel[start : start + WINDOW_FRAMES] for start in starts])
            _, (hidden, _) = self._lstm(batch)  # (layers, n_windows, 256)
            raw = torch.relu(self._linear(hidden[-1]))
            return (raw / raw.norm(dim=1, keepdim=True)).numpy()


def _load(weights: Path) -> "tuple[nn.LSTM, nn.Linear]":
    import torch
    from torch import nn

    state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
    lstm = nn.LSTM(N_MELS, HIDDEN_SIZE, num_layers=3, batch_first=True)
    linear = nn.Linear(HIDDEN_SIZE, HIDDEN_SIZE)
    for module, prefix in ((lstm, "lstm."), (linear, "linear.")):
        module.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    return lstm.eval(), linear.eval()


def _raise_level(samples: Samples) -> Samples:
    rms = math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
    if rms == 0.0:
        raise AudioError("a voice cannot be told from silence")
    gain: float = 10 ** (LEVEL_DBFS / 20) / rms
    return samples if gain <= 1 else samples * np.float32(gain)


def _window_starts(n_samples: int, step_frames: int = WINDOW_STEP) -> list[int]:
    """First frames of the windows that cover the sound; at least one."""
    n_frames = math.ceil((n_samples + 1) / HOP_LENGTH)
    starts = list(range(0, max(1, n_frames - WINDOW_FRAMES + step_frames + 1), step_frames))
    coverage = (n_samples / HOP_LENGTH - starts[-1]) / WINDOW_FRAMES
    return starts[:-1] if coverage < MIN_COVERAGE and len(starts) > 1 else starts


def _mel(samples: "Tensor", filters: "Tensor") -> "Tensor":
    """(n_samples,) -> (n_frames, 40): power in mel bands, not logarithmic, frames centred with zeros around."""
    import torch

    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(
        samples, N_FFT, HOP_LENGTH, window=window, center=True, pad_mode="constant", return_complex=True
    )
    return (filters @ spectrum.abs().square()).T


def _mel_filters() -> "Tensor":
    """(40, 201): the triangles of Slaney's scale, 0 Hz to 8 kHz."""
    from locutor.audio.mel import MelConfig, mel_filterbank

    return mel_filterbank(MelConfig("bigvgan", SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS))
