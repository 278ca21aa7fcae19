"""One F5-TTS model for a whole process, loaded when it is first needed."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locutor.errors import EngineError
from locutor.inference.api import F5TTSInference
from locutor.types import Samples

if TYPE_CHECKING:
    from locutor.engines.f5.config import ConfigChoice


@dataclass(frozen=True, kw_only=True)
class _Configuration:
    checkpoint_path: Path
    vocab_file: Path
    device: str
    config: "ConfigChoice | None"
    extra: dict[str, Any]

    def load(self) -> F5TTSInference:
        return F5TTSInference(self.checkpoint_path, self.vocab_file, self.device, self.config, **self.extra)


class F5TTSInferenceService:
    """A model that threads share: configured once, loaded by the first call, one synthesis at a time.

    Use get_instance() or get_inference_service(); an object of one's own works as well.
    """

    _instance: "F5TTSInferenceService | None" = None
    _instance_lock = threading.Lock()

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._configuration: _Configuration | None = None
        self._model: F5TTSInference | None = None

    @classmethod
    def get_instance(cls) -> "F5TTSInferenceService":
        """The one service of this process."""
        with cls._instance_lock:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    def configure(
        self,
        checkpoint_path: str | Path,
        vocab_file: str | Path,
        device: str = "auto",
        config: "ConfigChoice | None" = None,
        **kwargs: Any,  # the mission's signature: what else F5TTSInference takes
    ) -> None:
        """Say which model to use. It is loaded when first needed; another configuration lets go of a loaded model.

        kwargs: further arguments of F5TTSInference. Nothing is checked before the model is loaded.
        """
        configuration = _Configuration(
            checkpoint_path=Path(checkpoint_path), vocab_file=Path(vocab_file), device=device, config=config,
            extra=kwargs,
        )  # fmt: skip
        with self._lock:
            if configuration != self._configuration:
                self.unload_model()
                self._configuration = configuration

    def load_model(self) -> None:
        """Load the configured model now. Raises EngineError (RuntimeError) before configure, and as F5TTSInference."""
        self._loaded()

    def unload_model(self) -> None:
        """Give the model's memory back; the configuration stays, and the next call loads it again."""
        with self._lock:
            if self._model is not None:
                self._model.unload()
                self._model = None

    def generate(self, *args: Any, **kwargs: Any) -> Samples:
        """As F5TTSInference.generate; loads the model if needed."""
        with self._lock:
            return self._loaded().generate(*args, **kwargs)

    def save_audio(self, audio: Samples, path: str | Path, sample_rate: int | None = None) -> None:
        """As F5TTSInference.save_audio. Raises EngineError when no model is loaded, for its sample rate is needed."""
        with self._lock:
            if self._model is None:
                raise EngineError("no model is loaded; call load_model() or generate() first")
            self._model.save_audio(audio, path, sample_rate)

    def is_loaded(self) -> bool:
        return self._model is not None

    def is_configured(self) -> bool:
        return self._configuration is not None

    def __repr__(self) -> str:
        configured = "configured" if self.is_configured() else "not configured"
        return f"F5TTSInferenceService({configured}, model={'loaded' if self.is_loaded() else 'not loaded'})"

    def _loaded(self) -> F5TTSInference:
        with self._lock:
            if self._configuration is None:
                raise EngineError("the service is not configured; call configure() first")
            if self._model is None:
                self._model = self._configuration.load()
            return self._model


def get_inference_service() -> F5TTSInferenceService:
    """F5TTSInferenceService.get_instance()."""
    return F5TTSInferenceService.get_instance()
