"""Speech for many at once: calls in, audio out, over one executor or several."""

import itertools
import secrets
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from locutor.errors import ConflictError, EngineError, NotFoundError, OptionError, QueueFullError
from locutor.serving.backend import BackendStatus, ChunkProgress, ModelState, Part, Pause, SpeechCall, Spoken
from locutor.serving.executor import Executor, Work
from locutor.serving.limits import ServingLimits
from locutor.serving.metrics import SpeechMetrics
from locutor.serving.recipe import Speech
from locutor.serving.stream import CallStream
from locutor.types import Waveform

STREAM_AHEAD = 8  # chunks that may be spoken before the listener takes the first
TYPICAL_S = 2.0  # what a call takes, before any was measured


class SpeechService:
    """A SpeechBackend over executors, one a device. model: of calls that name none."""

    def __init__(
        self, executors: Sequence[Executor], model: str, limits: ServingLimits, metrics: SpeechMetrics | None = None
    ) -> None:
        if not executors:
            raise OptionError("a speech service needs at least one device")
        self.metrics = metrics or SpeechMetrics()
        self._executors, self._model, self._limits = list(executors), model, limits
        self._open: dict[CallStream, Executor] = {}
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._call_s = TYPICAL_S  # how long a call occupies a device, a moving average
        self.metrics.waiting.set_function(lambda: self.status().waiting)
        self.metrics.running.set_function(lambda: self.status().running)
        self.metrics.models.set_function(lambda: len(self._models()))
        self.metrics.model_loads.set_function(lambda: sum(m.n_loads for m in self._models()))
        self.metrics.model_bytes.set_function(lambda: sum(m.n_bytes for m in self._models()))

    def speak(self, call: SpeechCall, on_progress: ChunkProgress | None = None) -> Speech:
        with self._begin(call, None) as stream:
            stream.on_progress = on_progress
            pieces = [piece.samples for piece in stream]
        if not pieces or stream.recipe is None:
            raise EngineError("the engine returned no audio")
        return Speech(Waveform(np.concatenate(pieces), stream.sample_rate), stream.recipe, stream.warnings)

    def stream(self, call: SpeechCall) -> CallStream:
        with ExitStack() as unless_it_speaks:
            stream = unless_it_speaks.enter_context(self._begin(call, STREAM_AHEAD))
            stream.wait_for_first()
            unless_it_speaks.pop_all()
        return stream

    def load(self, model: str) -> None:
        for executor in self._executors:
            executor.manage("load", model)

    def unload(self, model: str) -> None:
        holders = [e for e in self._executors if any(m.model == model for m in e.models())]
        if not holders:
            raise NotFoundError(f"model {model!r} is not loaded")
        if any(m.users for e in holders for m in e.models() if m.model == model):
            raise ConflictError(f"model {model!r} is in use; try again when its calls are done")
        for executor in holders:
            executor.manage("unload", model)

    def status(self) -> BackendStatus:
        with self._lock:
            streams = list(self._open)
        running = sum(stream.has_begun for stream in streams)
        return BackendStatus(
            waiting=len(streams) - running,
            running=running,
            capacity=self._limits.max_waiting,
            workers={f"{i}": executor.state for i, executor in enumerate(self._executors)},
            devices={f"{i}": executor.device for i, executor in enumerate(self._executors)},
            models=self._models(),
        )

    def close(self) -> None:
        for executor in self._executors:
            executor.close()

    def _models(self) -> tuple[ModelState, ...]:
        return tuple(state for executor in self._executors for state in executor.models())

    def _begin(self, call: SpeechCall, max_ahead: int | None) -> CallStream:
        work = Work(
            parts=seeded(call.parts),
            model=call.model or self._model,
            timeout_s=call.timeout_s or self._limits.timeout_s,
            early=call.early,
            max_ahead=max_ahead,
        )
        stream = CallStream(next(self._ids), work, call.cancelled, self._place, self._ended)
        with self._lock:
            if len(self._open) >= self._limits.max_waiting:
                self.metrics.calls.labels("refused").inc()
                raise QueueFullError(
                    f"{len(self._open)} calls are waiting, which is all this service takes", self._retry_after_s()
                )
            self._open[stream] = self._least_busy()
        stream.begin()
        return stream

    def _place(self, stream: CallStream) -> Executor:
        """The executor of a call; another one for a call whose worker ended."""
        with self._lock:
            if stream.n_tries:
                self.metrics.retries.inc()
                self._open[stream] = self._least_busy()
            return self._open[stream]

    def _ended(self, stream: CallStream) -> None:
        with self._lock:
            self._open.pop(stream, None)
            busy = max(1, len(self._open))
            if stream.outcome == "completed":
                self._call_s += 0.1 * (stream.elapsed_s / busy - self._call_s)
        self.metrics.calls.labels(stream.outcome).inc()
        if stream.first_s is not None:
            self.metrics.ttfa.observe(stream.first_s)
        if stream.recipe is not None:
            self.metrics.rtf.observe(stream.recipe.rtf)
            self.metrics.audio.inc(stream.recipe.duration_s)

    def _least_busy(self) -> Executor:
        places = list(self._open.values())
        return min(self._executors, key=lambda e: (e.state != "ready", places.count(e)))

    def _retry_after_s(self) -> float:
        """When about a tenth of those who wait will have been served."""
        return float(np.clip(self._call_s * max(1, len(self._open) // 10), 1, 60))


def seeded(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with every missing seed drawn, so that a call that is begun again says the same: one for all of them,
    as a given one is, so that the one in the recipe makes a script again."""
    drawn = secrets.randbelow(2**32)
    return tuple(
        part if isinstance(part, Pause) or part.request.options.seed is not None else _seeded(part, drawn)
        for part in parts
    )


def _seeded(part: Spoken, seed: int) -> Spoken:
    request = part.request
    return Spoken(replace(request, options=replace(request.options, seed=seed)), part.voice)
