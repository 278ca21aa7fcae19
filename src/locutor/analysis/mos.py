"""How natural speech sounds: the MosPredictor protocol and DistillMOS (Stahl and Gamper 2025, MIT).

A predicted mean opinion score, 1 (bad) to 5 (excellent). It ranks systems and vocoders; single clips vary by 0.3 or so.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from locutor.analysis.weights import package_folder
from locutor.audio.resample import resample
from locutor.errors import AudioError
from locutor.types import Waveform

SAMPLE_RATE = 16_000


class MosPredictor(Protocol):
    """A model that judges how speech sounds."""

    def predict(self, waveform: Waveform) -> float:
        """Predicted mean opinion score, 1 to 5."""
        ...


class DistillMos:
    """DistillMOS on the CPU; 0.1 s per second of audio."""

    def __init__(self) -> None:
        """Load the weights inside the package; MissingExtraError when it or xls-r-sqa is not installed."""
        import torch

        sqa = _import_sqa()
        # Weights are loaded here, because the constructor prints a line when it does it.
        self._model = sqa.ConvTransformerSQAModel(load_weights=False)
        checkpoint = torch.load(Path(sqa.DEFAULT_WEIGHTS_CHKPT), map_location="cpu", weights_only=True)
        self._model.load_state_dict(checkpoint["model"], strict=True)
        self._model.eval()

    def predict(self, waveform: Waveform) -> float:
        """Predicted mean opinion score. Raises AudioError for audio without samples or all silent."""
        import torch

        samples = resample(waveform, SAMPLE_RATE).samples
        if not np.any(samples):
            raise AudioError("silence cannot be rated")
        with torch.inference_mode():
            return float(self._model(torch.from_numpy(samples)[None]))


def _import_sqa() -> Any:
    """distillmos.sqa, which imports torchaudio only to read files: without torchaudio an empty module stands in."""
    for package in ("distillmos", "xls-r-sqa"):
        package_folder(package, "eval")
    if "torchaudio" in sys.modules or find_spec("torchaudio") is not None:
        import distillmos.sqa as sqa

        return sqa
    sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        import distillmos.sqa as sqa
    finally:
        del sys.modules["torchaudio"]
    return sqa
