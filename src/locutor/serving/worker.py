"""A device in a process of its own: an engine that crashes, or is killed, takes nothing else down.

Both ends of the pipe are ours; what travels are the plain dataclasses of `executor.py` and `worker_main.py`.
"""

import itertools
import logging
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from locutor.errors import WorkerError
from locutor.serving.backend import ModelState
from locutor.serving.executor import BatchDone, CallEvent, CallFailed, ExecutorDied, Finished, Sink, Work
from locutor.serving.limits import ServingLimits
from locutor.serving.models import LoadModel, NameDevice
from locutor.serving.worker_main import Answer, Ask, Cancel, Fetched, Hello, Message, Report, Submit, Told, serve

ANSWER_S = 300.0  # a model may take long to load
STATES_S = 2.0
STOP_S = 10.0
CRASHES, CRASHES_S, REST_S = 5, 60.0, 30.0  # this many in that time, and the next start is put off

_log = logging.getLogger(__name__)


class WorkerExecutor:
    """An Executor whose device is driven by a spawned process, started again whenever it ends.

    Calls that ran in it get ExecutorDied. After five crashes within a minute the next start waits half a minute, and
    calls are refused meanwhile.
    """

    def __init__(
        self,
        load: LoadModel,
        limits: ServingLimits,
        on_batch: Callable[[BatchDone], None] = lambda batch: None,
        on_restart: Callable[[], object] = lambda: None,
        name_device: NameDevice | None = None,
    ) -> None:
        self._load, self._limits, self._name_device = load, limits, name_device
        self._on_batch, self._on_restart = on_batch, on_restart
        self._lock = threading.RLock()
        self._sinks: dict[int, Sink] = {}
        self._answers: dict[int, Future[Any]] = {}
        self._ids = itertools.count()
        self._backlog: list[Message] = []  # for the process once it is up
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._closed = threading.Event()
        self._pipe: Connection | None = None
        self._process: SpawnProcess | None = None
        self._state = "starting"
        self._states: tuple[ModelState, ...] = ()
        self._device: str | None = None
        self._reader = threading.Thread(target=self._keep_running, name="speech-worker", daemon=True)
        self._reader.start()

    @property
    def state(self) -> str:
        return self._state

    @property
    def device(self) -> str | None:
        """As the worker says, asked until it knows."""
        if self._device is None and self._state == "ready":
            with suppress(WorkerError):
                self._device = self._ask("device", "", STATES_S)
        return self._device

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None else self._process.pid

    def submit(self, call_id: int, work: Work, sink: Sink) -> None:
        with self._lock:
            if self._state != "down":
                self._sinks[call_id] = sink
                self._send(Submit(call_id, work))
                return
        sink(
            CallFailed(
                "WorkerDownError", "the process that speaks ended too often; it is started again within a minute"
            )
        )

    def cancel(self, call_id: int) -> None:
        with self._lock:
            if self._sinks.pop(call_id, None) is not None:
                self._send(Cancel(call_id))

    def fetched(self, call_id: int) -> None:
        with self._lock:
            if call_id in self._sinks:
                self._send(Fetched(call_id))

    def manage(self, action: str, model: str) -> None:
        self._ask(action, model, ANSWER_S)

    def models(self) -> tuple[ModelState, ...]:
        """As the worker says; what it said last when it is too busy to answer."""
        if self._state == "ready":
            with suppress(WorkerError):
                self._states = self._ask("models", "", STATES_S)
        return self._states

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            if self._process is not None:
                self._process.terminate()
        self._reader.join(STOP_S)

    def _ask(self, action: str, model: str, timeout_s: float) -> Any:
        answer: Future[Any] = Future()
        with self._lock:
            ask_id = next(self._ids)
            self._answers[ask_id] = answer
            self._send(Ask(ask_id, action, model))
        try:
            return answer.result(timeout_s)
        except NoAnswer as error:
            raise WorkerError(f"the process that speaks gave no answer to {action!r} in {timeout_s:g} s") from error
        finally:
            self._answers.pop(ask_id, None)

    def _send(self, message: Message) -> None:
        if self._pipe is None:
            self._backlog.append(message)
        else:
            with suppress(OSError):  # the process has just ended; its reader sees that too, and tells the calls
                self._pipe.send(message)

    # The reader's thread.

    def _keep_running(self) -> None:
        while not self._closed.is_set():
            try:
                ours = self._start()
            except OSError:  # no more processes or memory to be had now
                _log.exception("a process that speaks could not be started; trying again in %g s", REST_S)
                self._closed.wait(REST_S)
                continue
            try:
                while True:
                    for report in ours.recv():
                        self._take(ours, report)
            except (EOFError, OSError):
                self._after_the_end(ours)

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve,
            args=(theirs, self._load, self._limits, self._name_device),
            name="locutor-speech",
            daemon=True,
        )
        with self._lock:
            self._process = process
            process.start()
        theirs.close()
        return ours

    def _take(self, pipe: Connection, report: Report) -> None:
        match report:
            case Hello():
                self._greet(pipe)
            case Told(call_id, event):
                self._tell(call_id, event)
            case Answer(ask_id, value, failure):
                answer = self._answers.get(ask_id)
                if answer is not None:
                    answer.set_exception(failure.error()) if failure else answer.set_result(value)
            case BatchDone():
                self._on_batch(report)

    def _greet(self, pipe: Connection) -> None:
        """The process is up: send it what has gathered."""
        with self._lock:
            self._pipe, self._state = pipe, "ready"
            backlog, self._backlog = self._backlog, []
            for message in backlog:
                self._send(message)

    def _tell(self, call_id: int, event: CallEvent) -> None:
        with self._lock:
            sink = self._sinks.get(call_id)
            if isinstance(event, Finished | CallFailed):
                self._sinks.pop(call_id, None)
        if sink is not None:
            sink(event)

    def _after_the_end(self, pipe: Connection) -> None:
        """Clear up after a process; unless we asked it to end, tell its calls and rest if it ends too often."""
        pipe.close()
        assert self._process is not None
        self._process.join(STOP_S)
        if self._process.is_alive():  # it closed its pipe and does not end
            self._process.kill()
            self._process.join()
        code = self._process.exitcode
        self._process.close()
        with self._lock:
            self._pipe, self._process, self._states = None, None, ()
            sinks, self._sinks = list(self._sinks.values()), {}
            answers = list(self._answers.values())
            self._backlog.clear()
            self._crashes.append(time.monotonic())
            often = len(self._crashes) == CRASHES and self._crashes[-1] - self._crashes[0] < CRASHES_S
            self._state = "down" if often or self._closed.is_set() else "starting"
        for answer in answers:
            if not answer.done():
                answer.set_exception(WorkerError("the process that speaks ended unexpectedly"))
        for sink in sinks:
            sink(ExecutorDied())
        if not self._closed.is_set():
            _log.warning("the process that speaks ended with code %s; it is started again", code)
            self._on_restart()
            if often:
                self._closed.wait(REST_S)
                self._state = "starting"
