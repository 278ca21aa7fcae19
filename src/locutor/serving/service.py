"""Speech for many at once: calls in, audio out."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from locutor.audio.edit import join
from locutor.errors import CancelledError, NotFoundError, QueueFullError
from locutor.serving.backend import BackendStatus, ChunkProgress, ModelState, Pause, SpeechCall
from locutor.serving.limits import ServingLimits
from locutor.serving.recipe import Recipe, Speech
from locutor.serving.speak import LocalSpeech
from locutor.types import Waveform


class SpeechService:
    """A SpeechBackend that speaks one call at a time in this process. load_model: model id -> its engine."""

    def __init__(self, load_model: Callable[[str], LocalSpeech], model: str, limits: ServingLimits) -> None:
        self._load_model, self._model, self._limits = load_model, model, limits
        self._models: dict[str, LocalSpeech] = {}
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.max_waiting)

    def speak(self, call: SpeechCall, on_progress: ChunkProgress | None = None) -> Speech:
        if not self._places.acquire(blocking=False):
            raise QueueFullError(f"{self._limits.max_waiting} calls are waiting already", 5.0)
        try:
            with self._turn:
                return self._speak(call, on_progress)
        finally:
            self._places.release()

    def _speak(self, call: SpeechCall, on_progress: ChunkProgress | None) -> Speech:
        speech = self._loaded(call.model or self._model)
        waveforms, recipes, warnings = [], list[Recipe](), list[str]()
        rate = speech.engine.info.sample_rate
        for part in call.parts:
            if call.cancelled is not None and call.cancelled.is_set():
                raise CancelledError("the call was cancelled")
            if isinstance(part, Pause):
                waveforms.append(Waveform(np.zeros(round(part.duration_s * rate), np.float32), rate))
                continue
            done = speech.speak(part.request, part.voice, on_progress)
            waveforms.append(done.waveform)
            recipes.append(done.recipe)
            warnings += done.warnings
        whole = join(waveforms)
        return Speech(whole, replace(recipes[0], duration_s=whole.duration_s), tuple(warnings))

    def stream(self, call: SpeechCall) -> "_Whole":
        return _Whole(self.speak(call))

    def load(self, model: str) -> None:
        with self._turn:
            self._loaded(model)

    def unload(self, model: str) -> None:
        with self._turn:
            if model not in self._models:
                raise NotFoundError(f"model {model!r} is not loaded")
            self._models.pop(model).close()

    def status(self) -> BackendStatus:
        models = tuple(
            ModelState(model=name, engine=m.engine.info.name, device=m.device, n_bytes=0, users=0, idle_s=0, n_loads=1)
            for name, m in self._models.items()
        )
        return BackendStatus(
            waiting=0, running=int(self._turn.locked()), capacity=self._limits.max_waiting,
            workers={"cpu": "ready"}, models=models,
        )  # fmt: skip

    def close(self) -> None:
        for model in list(self._models):
            self.unload(model)

    def _loaded(self, model: str) -> LocalSpeech:
        if model not in self._models:
            self._models[model] = self._load_model(model)
        return self._models[model]


class _Whole:
    """A stream of one piece."""

    def __init__(self, speech: Speech) -> None:
        self.sample_rate = speech.waveform.sample_rate
        self.recipe: Recipe | None = speech.recipe
        self.warnings = speech.warnings
        self._pieces: Iterator[Waveform] = iter([speech.waveform])
        self._at = time.perf_counter()

    def __iter__(self) -> Iterator[Waveform]:
        return self

    def __next__(self) -> Waveform:
        return next(self._pieces)

    def close(self) -> None:
        self._pieces = iter(())
