"""Engines whose sessions take utterances at any time: pieces join a batch that runs, or wait for the next."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from locutor.engines.base import AudioChunk, Done, Event, Utterance
from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import EngineError
from locutor.serving.backend import SpeechCall
from locutor.serving.device import DeviceExecutor
from locutor.serving.limits import ServingLimits
from locutor.serving.models import LoadedModel
from locutor.serving.service import SpeechService
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import Voice

STEPS = 20  # of 10 ms, from an utterance's admission to its end


@dataclass
class JoiningSession:
    """Ends each utterance STEPS steps after it came. refuses: takes nobody once it has begun; breaks: fails then."""

    tone: Any
    refuses: bool
    breaks: bool
    left: dict[int, int] = field(default_factory=dict)
    utterances: list[Utterance] = field(default_factory=list)
    n_steps: int = 0
    n_joined: int = 0

    def admit(self, utterance: Utterance) -> int:
        if self.refuses and self.n_steps:
            raise EngineError("begun")
        self.n_joined += self.n_steps > 0
        self.utterances.append(utterance)
        self.left[len(self.utterances) - 1] = STEPS
        return len(self.utterances) - 1

    def step(self) -> list[Event]:
        time.sleep(0.01)
        self.n_steps += 1
        if self.breaks and self.n_joined:
            raise KeyError("a bug")
        self.left = {i: n - 1 for i, n in self.left.items()}
        ended = [i for i, n in self.left.items() if n == 0]
        for i in ended:
            del self.left[i]
        return [e for i in ended for e in (AudioChunk(i, self.tone.tone(self.utterances[i])), Done(i))]

    def cancel(self, utterance: int) -> None:
        self.left.pop(utterance, None)


class Joining:
    """A service on one joining engine; `sessions` are those it opened."""

    def __init__(self, tone: Any, refuses: bool = False, breaks: bool = False) -> None:
        self.sessions: list[JoiningSession] = []
        engine = tone.ToneEngine()
        engine.info = replace(engine.info, streams=True)

        def open_session(options: SynthesisOptions) -> JoiningSession:
            self.sessions.append(JoiningSession(tone, refuses, breaks))
            return self.sessions[-1]

        engine.open_session = open_session
        card = ModelCard(id="m", engine="tone", title="M", languages=("en",), licence="X", commercial_use=True)
        model = LoadedModel(engine=engine, checkpoint=Checkpoint(card, {}, "f" * 64), device="cpu", n_bytes=0)
        limits = ServingLimits()
        self.service = SpeechService([DeviceExecutor(lambda name: model, limits)], "m", limits)

    def speak_two(self, voice: Voice) -> list[Any]:
        """One call, and another a little later; their results or errors."""
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(self.say, "One.", voice)
            while not self.sessions or not self.sessions[0].n_steps:
                time.sleep(0.001)
            second = pool.submit(self.say, "Two.", voice)
            found = [call.exception(10) or call.result() for call in (first, second)]
        self.service.close()
        return found

    def say(self, text: str, voice: Voice) -> Any:
        request = SpeechRequest(text=text, language="en", options=SynthesisOptions(seed=1))
        return self.service.speak(SpeechCall.of(request, voice))


def test_a_late_piece_joins_the_running_batch(tone: Any, voice: Voice) -> None:
    joining = Joining(tone)
    spoken = joining.speak_two(voice)
    assert [s.waveform.n_samples for s in spoken] == [400, 400]
    assert len(joining.sessions) == 1 and joining.sessions[0].n_joined == 1


def test_one_that_is_refused_waits_for_the_next_batch(tone: Any, voice: Voice) -> None:
    joining = Joining(tone, refuses=True)
    spoken = joining.speak_two(voice)
    assert [s.waveform.n_samples for s in spoken] == [400, 400] and len(joining.sessions) == 2


def test_a_bug_ends_those_who_joined_too(tone: Any, voice: Voice) -> None:
    joining = Joining(tone, breaks=True)
    for error in joining.speak_two(voice):
        assert isinstance(error, EngineError) and "KeyError" in str(error)
    assert threading.active_count() < 20


def test_a_session_that_cannot_be_opened_ends_its_calls(tone: Any, voice: Voice) -> None:
    joining = Joining(tone)
    engine = joining.service._executors[0].cache.acquire("m").engine  # type: ignore[attr-defined]

    def broken(options: SynthesisOptions) -> Any:
        raise EngineError("out of memory")

    engine.open_session = broken
    with pytest.raises(EngineError, match="out of memory"):
        joining.say("One.", voice)
    joining.service.close()


@pytest.mark.parametrize("refuses", [True, False])
def test_a_short_text_does_not_wait_behind_all_pieces_of_long_ones(tone: Any, voice: Voice, refuses: bool) -> None:
    joining = Joining(tone, refuses)
    long = " ".join(f"This is one of the sentences of the long text {i}." for i in "abcdefghijkl")
    with ThreadPoolExecutor(5) as pool:
        texts = [pool.submit(joining.say, long, voice) for _ in range(4)]
        while not joining.sessions or not joining.sessions[0].n_steps:
            time.sleep(0.001)
        time.sleep(0.3)  # all the long ones have their pieces in the queue: 24 of them, three to a batch
        begun = time.monotonic()
        joining.say("Short.", voice)
        took_s = time.monotonic() - begun
        assert sum(text.done() for text in texts) == 0
        whole = [text.result() for text in texts]
    assert all(np.array_equal(w.waveform.samples, whole[0].waveform.samples) for w in whole)
    assert took_s < (time.monotonic() - begun) / 3, "at most the running batch, one more, and its own, of 16"
    joining.service.close()
