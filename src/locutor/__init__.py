"""Locutor: self-hosted voice cloning.

The public names are loaded on first use, so that `import locutor` and `locutor --help` do not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locutor.errors import LocutorError
    from locutor.inference import F5TTSInference, F5TTSInferenceService, get_inference_service
    from locutor.types import SpeechRequest, SynthesisOptions, Waveform

__version__ = "0.1.0"

_HOMES = {
    "LocutorError": "locutor.errors",
    "F5TTSInference": "locutor.inference",
    "F5TTSInferenceService": "locutor.inference",
    "get_inference_service": "locutor.inference",
    "SpeechRequest": "locutor.types",
    "SynthesisOptions": "locutor.types",
    "Waveform": "locutor.types",
}

__all__ = [
    "F5TTSInference",
    "F5TTSInferenceService",
    "LocutorError",
    "SpeechRequest",
    "SynthesisOptions",
    "Waveform",
    "get_inference_service",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'locutor' has no attribute {name!r}; it offers {sorted(_HOMES)}")
    return getattr(import_module(_HOMES[name]), name)
