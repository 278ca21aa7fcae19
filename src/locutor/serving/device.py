"""One device and the thread that drives it: calls are planned beside it, prepared, batched and spoken on it."""

import itertools
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from locutor.engines.base import AudioChunk, Done, Engine, Event, Failed, Session, Utterance, UtteranceId
from locutor.errors import EngineError, LocutorError, OptionError, RequestTimeoutError
from locutor.serving.backend import ModelState
from locutor.serving.cache import ModelCache
from locutor.serving.executor import BatchDone, CallFailed, Finished, Sink, Work
from locutor.serving.limits import ServingLimits
from locutor.serving.models import LoadModel, NameDevice
from locutor.serving.running import RunningCall, plan_call
from locutor.serving.scheduler import Item, Scheduler
from locutor.types import SynthesisOptions, Waveform
from locutor.voices.prompts import PromptCache

FRONT_THREADS = 4
IDLE_S = 0.5

_log = logging.getLogger(__name__)
_Order: TypeAlias = Callable[[], None]


@dataclass(frozen=True)
class _Piece:
    """A chunk of a call, ready for the device."""

    call: int
    index: int
    engine: Engine
    utterance: Utterance
    options: SynthesisOptions


class DeviceExecutor:
    """An Executor in this process."""

    state = "ready"

    def __init__(
        self,
        load: LoadModel,
        limits: ServingLimits,
        on_batch: Callable[[BatchDone], None] = lambda batch: None,
        name_device: NameDevice | None = None,
    ) -> None:
        self.cache = ModelCache(load, limits)
        self._limits, self._on_batch = limits, on_batch
        self._prompts = PromptCache()
        self._told: Counter[tuple[str, str]] = Counter()  # lookups that were reported
        self._front = ThreadPoolExecutor(FRONT_THREADS, "speech-plan")
        self.device: str | None = None
        if name_device is not None:
            self._front.submit(self._name, name_device)
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._scheduler: Scheduler[_Piece] = Scheduler(limits.max_batch_frames, limits.max_wait_s)
        self._calls: dict[int, RunningCall] = {}
        self._planning: set[int] = set()
        self._cancelled: set[int] = set()  # calls that were dropped while they were planned
        self._ids = itertools.count()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="speech-device", daemon=True)
        self._thread.start()

    def submit(self, call_id: int, work: Work, sink: Sink) -> None:
        self._planning.add(call_id)
        self._front.submit(self._plan, call_id, work, sink, time.monotonic() + work.timeout_s)

    def cancel(self, call_id: int) -> None:
        self._orders.put(lambda: self._drop(call_id))

    def fetched(self, call_id: int) -> None:
        self._orders.put(lambda: self._count_fetched(call_id))

    def manage(self, action: str, model: str) -> None:
        if action not in ("load", "unload"):
            raise OptionError(f"a model can be loaded or unloaded, not {action!r}")
        (self.cache.pin if action == "load" else self.cache.unload)(model)

    def models(self) -> tuple[ModelState, ...]:
        return self.cache.states()

    def close(self) -> None:
        """Drop what waits and give the models back."""
        self._closed.set()
        self._front.shutdown(cancel_futures=True)
        self._thread.join(30)
        self.cache.close()

    # Threads of the front: no device is needed.

    def _name(self, name_device: NameDevice) -> None:
        self.device = name_device()

    def _plan(self, call_id: int, work: Work, sink: Sink, deadline: float) -> None:
        try:
            model = self.cache.acquire(work.model)
        except Exception as error:  # whatever loading raises is this call's; the thread serves others too
            self._give_up(call_id)
            _tell_failure(sink, error)
            return
        try:
            planned, chunks = plan_call(work, model)
        except Exception as error:  # as above
            self._give_up(call_id)
            self.cache.release(work.model)
            _tell_failure(sink, error)
            return
        sink(planned)
        call = RunningCall(call_id, model, work, chunks, deadline, sink)
        self._orders.put(lambda: self._begin(call))

    def _give_up(self, call_id: int) -> None:
        self._planning.discard(call_id)
        self._cancelled.discard(call_id)

    # The device's thread.

    def _run(self) -> None:
        while not self._closed.is_set():
            self._take_orders(self._patience())
            self._feed_all()
            batch = self._scheduler.next_batch(time.monotonic(), more_come=bool(self._planning))
            if batch:
                self._speak(batch)
            self.cache.sweep()
        for call in list(self._calls.values()):
            self._fail(call, EngineError("the service was closed"))

    def _patience(self) -> float:
        """How long to wait for orders: not at all when something could be spoken and no other call is on its way."""
        if len(self._scheduler) and not self._planning:
            return 0.0
        wait_s = self._scheduler.wait_s(time.monotonic())
        return IDLE_S if wait_s is None else min(wait_s, IDLE_S)

    def _take_orders(self, wait_s: float) -> None:
        try:
            self._orders.get(timeout=wait_s)() if wait_s > 0 else self._orders.get_nowait()()
            while True:
                self._orders.get_nowait()()
        except queue.Empty:
            return

    def _begin(self, call: RunningCall) -> None:
        self._planning.discard(call.id)
        if call.id in self._cancelled:
            self._cancelled.discard(call.id)
            self.cache.release(call.work.model)
            return
        self._calls[call.id] = call

    def _count_fetched(self, call_id: int) -> None:
        if call_id in self._calls:
            self._calls[call_id].fetch(time.monotonic())

    def _drop(self, call_id: int) -> None:
        if call_id in self._calls:
            self._end(self._calls[call_id])
        elif call_id in self._planning:
            self._cancelled.add(call_id)

    def _end(self, call: RunningCall) -> None:
        del self._calls[call.id]
        self._scheduler.remove(call.waiting_items.values())
        self.cache.release(call.work.model)

    def _fail(self, call: RunningCall, error: Exception) -> None:
        self._end(call)
        _tell_failure(call.sink, error)

    def _feed_all(self) -> None:
        for call in list(self._calls.values()):
            if call.is_late(time.monotonic()):
                self._fail(call, _too_late(call))
                continue
            try:
                while call.may_prepare():
                    self._prepare(call)
            except Exception as error:  # a reference or a text that this engine cannot use ends its call alone
                self._fail(call, error)

    def _prepare(self, call: RunningCall) -> None:
        chunk, index = call.chunks[call.next], call.next
        model, engine = call.model, call.model.engine
        heard = self._prompts.get(engine, model.checkpoint.sha256, chunk.voice)
        call.warnings |= dict.fromkeys(heard.warnings)
        utterance = engine.prepare(chunk.request, heard.prompt)
        piece = _Piece(call.id, index, engine, utterance, _of_the_solve(chunk.request.options))
        group = (model.checkpoint.card.id, model.checkpoint.sha256, piece.options)
        item = Item(
            id=next(self._ids), group=group, max_batch=engine.info.max_batch, n_frames=utterance.n_frames,
            arrived_at=time.monotonic(), n_before=index, work=piece,
        )  # fmt: skip
        call.next += 1
        call.waiting_items[index] = item.id
        self._scheduler.add(item)

    def _speak(self, items: list[Item[_Piece]]) -> None:
        batch = _Batch(self, items)
        try:
            batch.run()
        except Exception as error:  # the batch worker: an engine's bug fails the calls of its batch, not the device
            for call_id in batch.calls & self._calls.keys():
                self._fail(self._calls[call_id], error)

    def is_wanted(self, piece: _Piece) -> bool:
        """Whether somebody still waits for the piece; tells those whose time is over."""
        call = self._calls.get(piece.call)
        if call is not None and call.is_late(time.monotonic()):
            self._fail(call, _too_late(call))
        return piece.call in self._calls

    def between_steps(self, group: object, n_free: int) -> list[Item[_Piece]]:
        """Orders are looked at in every step; pieces that may join the batch are handed out."""
        self._take_orders(0)
        if n_free <= 0:
            return []
        self._feed_all()
        return self._scheduler.take(group, n_free)

    def put_back(self, item: Item[_Piece]) -> None:
        """An item that could not join a batch waits for the next."""
        if item.work.call in self._calls:
            self._scheduler.add(item)

    def piece_done(self, piece: _Piece, waveform: Waveform) -> None:
        call = self._calls.get(piece.call)
        if call is None:
            return
        call.speak(piece.index, waveform, time.monotonic())
        if call.is_done:
            self._end(call)
            call.sink(Finished(tuple(call.warnings)))

    def piece_failed(self, piece: _Piece, error: LocutorError) -> None:
        if piece.call in self._calls:
            self._fail(self._calls[piece.call], error)

    def batch_done(self, batch: BatchDone) -> None:
        lookups = self._lookups()
        self._on_batch(replace(batch, lookups=lookups - self._told))
        self._told = lookups

    def _lookups(self) -> Counter[tuple[str, str]]:
        """Of both caches, since the beginning."""
        caches: dict[str, ModelCache | PromptCache] = {"model": self.cache, "voice": self._prompts}
        hits = {(name, "hit"): cache.n_hits for name, cache in caches.items()}
        return Counter(hits | {(name, "miss"): cache.n_misses for name, cache in caches.items()})


class _Batch:
    """One session from its first utterance to its last event. calls: of everything that was ever in it."""

    def __init__(self, device: DeviceExecutor, items: list[Item[_Piece]]) -> None:
        self._device, self._items = device, items
        self._joins_late = items[0].work.engine.info.streams
        self.calls = {item.work.call for item in items}
        self._open: dict[UtteranceId, _Piece] = {}
        self._heard: dict[UtteranceId, list[Waveform]] = {}
        self._n_spoken, self._duration_s = 0, 0.0

    def run(self) -> None:
        begun, first = time.monotonic(), self._items[0]
        self._session: Session = first.work.engine.open_session(first.work.options)
        for item in self._items:
            self._admit(item)
        while self._open:
            n_free = first.max_batch - len(self._open) if self._joins_late else 0
            for item in self._device.between_steps(first.group, n_free):
                self._join(item)
            self._cancel_unwanted()
            for event in self._session.step() if self._open else ():
                self._take(event)
        if self._n_spoken:
            self._device.batch_done(BatchDone(self._n_spoken, time.monotonic() - begun, self._duration_s))

    def _admit(self, item: Item[_Piece]) -> None:
        utterance = self._session.admit(item.work.utterance)
        self._open[utterance], self._heard[utterance] = item.work, []
        self.calls.add(item.work.call)

    def _join(self, item: Item[_Piece]) -> None:
        """Into the running session, where it still takes some; else back to the queue."""
        try:
            self._admit(item)
        except EngineError:
            self._joins_late = False
            self._device.put_back(item)

    def _cancel_unwanted(self) -> None:
        for utterance, piece in list(self._open.items()):
            if not self._device.is_wanted(piece):
                self._session.cancel(utterance)
                del self._open[utterance], self._heard[utterance]

    def _take(self, event: Event) -> None:
        match event:
            case AudioChunk(utterance, waveform):
                self._heard[utterance].append(waveform)
            case Done(utterance):
                waveforms = self._heard.pop(utterance)
                samples = np.concatenate([w.samples for w in waveforms])
                whole = Waveform(samples, waveforms[0].sample_rate)
                self._n_spoken, self._duration_s = self._n_spoken + 1, self._duration_s + whole.duration_s
                self._device.piece_done(self._open.pop(utterance), whole)
            case Failed(utterance, error):
                del self._heard[utterance]
                self._device.piece_failed(self._open.pop(utterance), error)


def _of_the_solve(options: SynthesisOptions) -> SynthesisOptions:
    """What utterances of one batch must share: all but what shapes each alone (text length, seed) or comes after."""
    plain = SynthesisOptions()
    return replace(
        options,
        speed=plain.speed,
        fix_duration_s=None,
        seed=None,
        remove_silence=False,
        cross_fade_s=plain.cross_fade_s,
        target_rms=plain.target_rms,
        loudness_lufs=None,
    )


def _too_late(call: RunningCall) -> RequestTimeoutError:
    if call.held_since is not None:
        return RequestTimeoutError(
            f"nothing of the speech was taken for {call.work.timeout_s:g} s; the rest was dropped"
        )
    return RequestTimeoutError(f"the speech was not done after {call.work.timeout_s:g} s and was dropped")


def _tell_failure(sink: Sink, error: Exception) -> None:
    if not isinstance(error, LocutorError):
        _log.error("a call failed unexpectedly", exc_info=error)
    sink(CallFailed.of(error))
