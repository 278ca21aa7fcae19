"""Speaking with an F5-TTS checkpoint from Python: one object, or one service for a whole process."""

from locutor.inference.api import F5TTSInference
from locutor.inference.service import F5TTSInferenceService, get_inference_service

__all__ = ["F5TTSInference", "F5TTSInferenceService", "get_inference_service"]
