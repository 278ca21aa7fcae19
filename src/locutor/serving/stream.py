"""One call from its beginning to its end, as whoever asked for it sees it."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from locutor.audio.edit import join
from locutor.errors import CancelledError, LocutorError, RequestTimeoutError, WorkerError
from locutor.serving.backend import ChunkProgress, Spoken
from locutor.serving.executor import (
    CallEvent,
    CallFailed,
    ChunkReady,
    Executor,
    ExecutorDied,
    Finished,
    Planned,
    Work,
)
from locutor.serving.joining import Joiner
from locutor.serving.recipe import Recipe
from locutor.types import Waveform

POLL_S = 0.1
MAX_TRIES = 2
BACKSTOP_S = 1.0  # the executor drops what is late, and says so, a little sooner


class CallStream:
    """A SpeechStream. place: which executor to use, asked again when that one died; on_end: called once.

    A call whose worker died is begun again once. Its seeds are the same, so what was handed out already is spoken
    again and passed over.
    """

    def __init__(
        self,
        call_id: int,
        work: Work,
        cancelled: threading.Event | None,
        place: Callable[["CallStream"], Executor],
        on_end: Callable[["CallStream"], None],
    ) -> None:
        self._id, self._work, self._cancelled = call_id, work, cancelled
        self._place, self._on_end = place, on_end
        self._executor: Executor | None = None
        self._planned: Planned | None = None
        self._pieces: Iterator[Waveform] = self._run()
        self._first: Waveform | None = None
        self._is_spoken = False  # all of it
        self._begun_at = time.monotonic()
        self._deadline = self._begun_at + work.timeout_s + BACKSTOP_S
        self._events: queue.SimpleQueue[CallEvent] = queue.SimpleQueue()
        self.on_progress: ChunkProgress | None = None
        self.recipe: Recipe | None = None
        self.warnings: tuple[str, ...] = ()
        self.outcome = ""
        self.n_tries = 0
        self.first_s: float | None = None
        self.elapsed_s = 0.0

    @property
    def sample_rate(self) -> int:
        """Known once the first piece is there."""
        assert self._planned is not None
        return self._planned.sample_rate

    @property
    def has_begun(self) -> bool:
        """Whether there was any audio yet."""
        return self.first_s is not None

    def begin(self) -> None:
        """Hand the work to an executor."""
        self._executor = self._place(self)
        self._events = queue.SimpleQueue()  # what a dead worker may still have sent goes nowhere
        self.n_tries += 1
        self._executor.submit(self._id, self._work, self._events.put)

    def wait_for_first(self) -> None:
        self._first = next(self._pieces, None)

    def __iter__(self) -> Iterator[Waveform]:
        return self

    def __next__(self) -> Waveform:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if not self.outcome:
            if self._executor is not None:
                self._executor.cancel(self._id)
            self._end("cancelled")

    def _end(self, outcome: str) -> None:
        self.outcome, self.elapsed_s = outcome, time.monotonic() - self._begun_at
        self._on_end(self)

    def _run(self) -> Iterator[Waveform]:
        try:
            n_samples = 0
            for piece in self._joined():
                n_samples += piece.n_samples
                if self.first_s is None:
                    self.first_s = time.monotonic() - self._begun_at
                if self._is_spoken:
                    self._complete(n_samples)
                handed_at = time.monotonic()
                yield piece
                if self._work.max_ahead is not None:  # the executor waits for this listener
                    self._deadline += time.monotonic() - handed_at
            if not self.outcome:  # there was no audio at all
                self._complete(n_samples)
        except LocutorError as error:
            if self._executor is not None:
                self._executor.cancel(self._id)
            if not self.outcome:
                self._end(_outcome(error))
            raise

    def _complete(self, n_samples: int) -> None:
        self.recipe = self._recipe(n_samples / self.sample_rate)
        self._end("completed")

    def _joined(self) -> Iterator[Waveform]:
        """What comes of the last chunk is one piece, and waits for the end of the call, which follows at once: so
        whoever listens knows that it is the last without asking for another."""
        joiner: Joiner | None = None
        last: list[Waveform] = []
        for n_done, chunk in enumerate(self._chunks(), start=1):
            assert self._planned is not None
            joiner = joiner or Joiner(self._work.parts, self._planned.sample_rate)
            pieces = joiner.take(chunk.part, chunk.waveform)
            if n_done == self._planned.n_chunks:
                last = [*pieces, *joiner.end()]
            else:
                yield from pieces
            if self.on_progress is not None:
                self.on_progress(n_done, self._planned.n_chunks)
        self._is_spoken = True
        if last:
            yield join(last)

    def _chunks(self) -> Iterator[ChunkReady]:
        n_given = n_again = 0  # chunks handed on, and chunks of this try
        while True:
            match self._next_event():
                case Planned() as planned:
                    self._planned = planned
                    if self.on_progress is not None and n_given == 0:
                        self.on_progress(0, planned.n_chunks)
                case ChunkReady() as chunk:
                    n_again += 1
                    if self._executor is not None:
                        self._executor.fetched(self._id)
                    if n_again > n_given:
                        n_given += 1
                        yield chunk
                case Finished(warnings):
                    self.warnings = warnings
                    return
                case CallFailed() as failure:
                    raise failure.error()
                case ExecutorDied():
                    if self.n_tries == MAX_TRIES:
                        raise WorkerError("the process that speaks ended unexpectedly, twice; the call was given up")
                    n_again = 0
                    self.begin()

    def _next_event(self) -> CallEvent:
        while True:
            if self._cancelled is not None and self._cancelled.is_set():
                raise CancelledError("the call was cancelled")
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise RequestTimeoutError(f"the speech was not done after {self._work.timeout_s:g} s and was dropped")
            try:
                return self._events.get(timeout=left_s if self._cancelled is None else min(POLL_S, left_s))
            except queue.Empty:
                continue

    def _recipe(self, duration_s: float) -> Recipe:
        assert self._planned is not None
        spoken = [part for part in self._work.parts if isinstance(part, Spoken)]
        elapsed_s = time.monotonic() - self._begun_at
        known: dict[str, Any] = self._planned.recipe
        return Recipe(
            **known,
            voice=",".join(dict.fromkeys(part.voice.id for part in spoken)),
            language=spoken[0].request.language,
            text="\n".join(part.request.text for part in spoken),
            options=asdict(spoken[0].request.options),
            duration_s=duration_s,
            elapsed_s=elapsed_s,
            rtf=elapsed_s / max(duration_s, 1e-9),
            early=self._work.early,
        )


def _outcome(error: LocutorError) -> str:
    if isinstance(error, CancelledError):
        return "cancelled"
    return "timeout" if isinstance(error, RequestTimeoutError) else "failed"
