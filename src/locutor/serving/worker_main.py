"""What runs in a worker process, and the messages that go to it and come from it."""

import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from locutor.errors import LocutorError
from locutor.serving.device import DeviceExecutor
from locutor.serving.executor import BatchDone, CallEvent, CallFailed, Work
from locutor.serving.limits import ServingLimits
from locutor.serving.models import LoadModel, NameDevice

SWITCH_S = 0.0005  # between threads: the device's must not wait long for one that plans the next call


@dataclass(frozen=True)
class Submit:
    """Begin a call."""

    call_id: int
    work: Work


@dataclass(frozen=True)
class Cancel:
    """Drop a call."""

    call_id: int


@dataclass(frozen=True)
class Fetched:
    """A chunk of a call was taken."""

    call_id: int


@dataclass(frozen=True)
class Ask:
    """ "load" or "unload" a model, list the "models" or name the "device"; an Answer follows."""

    id: int
    action: str
    model: str


@dataclass(frozen=True)
class Hello:
    """The process is up and takes calls."""


@dataclass(frozen=True)
class Told:
    """An event of a call."""

    call_id: int
    event: CallEvent


@dataclass(frozen=True)
class Answer:
    """To an Ask: a value, or what went wrong."""

    id: int
    value: Any = None
    failure: CallFailed | None = None


Message: TypeAlias = Submit | Cancel | Fetched | Ask
Report: TypeAlias = Hello | Told | Answer | BatchDone


def serve(pipe: Connection, load: LoadModel, limits: ServingLimits, name_device: NameDevice | None) -> None:
    """Run a device until the other end of the pipe is closed, then end at once, whatever is under way."""
    sys.setswitchinterval(SWITCH_S)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then closes the pipe
    worker = _Worker(pipe, load, limits, name_device)
    worker.report(Hello())
    try:
        while True:
            worker.take(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)  # threads on the device cannot be interrupted, and nothing here is worth saving


class _Worker:
    """Hands messages to the device, and what it tells to the pipe: reports that wait travel as one list."""

    def __init__(
        self, pipe: Connection, load: LoadModel, limits: ServingLimits, name_device: NameDevice | None
    ) -> None:
        self._pipe = pipe
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        threading.Thread(target=self._send_all, name="speech-reports", daemon=True).start()
        self._device = DeviceExecutor(load, limits, self.report, name_device)

    def report(self, report: Report) -> None:
        """From any thread; a device does not wait until the other end has taken its audio."""
        self._reports.put(report)

    def _send_all(self) -> None:
        while True:
            reports = [self._reports.get()]
            while not self._reports.empty():
                reports.append(self._reports.get())
            try:
                self._pipe.send(reports)
            except OSError:
                os._exit(0)

    def take(self, message: Message) -> None:
        match message:
            case Submit(call_id, work):
                self._device.submit(call_id, work, lambda event: self.report(Told(call_id, event)))
            case Cancel(call_id):
                self._device.cancel(call_id)
            case Fetched(call_id):
                self._device.fetched(call_id)
            case Ask():
                threading.Thread(target=self._answer, args=(message,), daemon=True).start()

    def _answer(self, ask: Ask) -> None:
        try:
            if ask.action == "models":
                self.report(Answer(ask.id, self._device.models()))
            elif ask.action == "device":
                self.report(Answer(ask.id, self._device.device))
            else:
                self._device.manage(ask.action, ask.model)
                self.report(Answer(ask.id))
        except LocutorError as error:
            self.report(Answer(ask.id, failure=CallFailed.of(error)))
