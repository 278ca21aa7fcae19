import pytest
import torch
from torch import Tensor

from locutor.engines.base import AudioChunk, Done, Failed, Utterance
from locutor.engines.flow_session import FlowSession
from locutor.errors import EngineError


class Countdown:
    """A solve of three steps whose audio is the utterance's seed, twice n_frames long."""

    def __init__(self, batch: list[Utterance]) -> None:
        self.rows, self.left = batch, 3
        self.kept: list[list[int]] = []

    @property
    def done(self) -> bool:
        return self.left == 0

    def step(self) -> None:
        self.left -= 1

    def keep(self, rows: list[int]) -> None:
        self.kept.append(rows)
        self.rows = [self.rows[row] for row in rows]

    def waveforms(self) -> list[Tensor]:
        levels = [float("nan") if utterance.seed == 13 else float(utterance.seed) for utterance in self.rows]
        return [torch.full((2 * u.n_frames,), level) for u, level in zip(self.rows, levels, strict=True)]


class OutOfMemory(Countdown):
    def step(self) -> None:
        super().step()
        if self.left == 1:
            raise torch.OutOfMemoryError("no memory left")


def utterance(seed: int, n_frames: int = 4) -> Utterance:
    return Utterance(text="", n_frames=n_frames, seed=seed, state=None)


@pytest.fixture
def session() -> FlowSession:
    return FlowSession(Countdown, max_batch=3)


def test_all_the_audio_comes_with_the_last_step(session: FlowSession) -> None:
    ids = [session.admit(utterance(seed, n_frames=seed)) for seed in (2, 5)]
    assert session.step() == session.step() == []
    events = session.step()
    assert [type(event) for event in events] == [AudioChunk, Done, AudioChunk, Done]
    assert [event.utterance for event in events] == [ids[0], ids[0], ids[1], ids[1]]
    chunks = [event.waveform for event in events if isinstance(event, AudioChunk)]
    assert [chunk.samples.tolist() for chunk in chunks] == [[2.0] * 4, [5.0] * 10]
    assert {chunk.sample_rate for chunk in chunks} == {24_000}
    assert session.step() == []


def test_nothing_admitted_nothing_done(session: FlowSession) -> None:
    assert session.step() == []


def test_a_full_batch_and_one_that_has_begun_refuse(session: FlowSession) -> None:
    for seed in range(3):
        session.admit(utterance(seed))
    with pytest.raises(EngineError, match="full: it takes 3 utterances"):
        session.admit(utterance(9))
    session.step()
    session.cancel(1)
    with pytest.raises(EngineError, match="has begun"):
        session.admit(utterance(9))


def test_cancelled_before_the_start(session: FlowSession) -> None:
    first, second = session.admit(utterance(1)), session.admit(utterance(2))
    session.cancel(first)
    third = session.admit(utterance(3))
    assert len({first, second, third}) == 3
    events = session.step() + session.step() + session.step()
    assert {event.utterance for event in events} == {second, third}


def test_cancelled_on_the_way() -> None:
    solves: list[Countdown] = []

    def start(batch: list[Utterance]) -> Countdown:
        solves.append(Countdown(batch))
        return solves[-1]

    session = FlowSession(start, max_batch=3)
    ids = [session.admit(utterance(seed)) for seed in (1, 2, 3)]
    session.step()
    session.cancel(ids[0])
    session.cancel(ids[0])
    session.step()
    session.cancel(ids[2])
    events = session.step()
    assert solves[0].kept == [[1, 2], [0]]
    assert [(event.utterance, getattr(event, "waveform", None) is not None) for event in events] == [
        (ids[1], True),
        (ids[1], False),
    ]
    assert events[0].waveform.samples[0] == 2.0  # type: ignore[union-attr]


def test_everybody_cancelled(session: FlowSession) -> None:
    only = session.admit(utterance(1))
    session.step()
    session.cancel(only)
    assert session.step() == session.step() == session.step() == []


def test_a_cancel_after_the_end_or_of_nobody_is_nothing(session: FlowSession) -> None:
    only = session.admit(utterance(1))
    session.cancel(99)
    for _ in range(3):
        session.step()
    session.cancel(only)


def test_one_broken_sample_does_not_fail_the_others(session: FlowSession) -> None:
    broken, whole = session.admit(utterance(13)), session.admit(utterance(2))
    events = session.step() + session.step() + session.step()
    assert [(type(event), event.utterance) for event in events] == [
        (Failed, broken),
        (AudioChunk, whole),
        (Done, whole),
    ]
    assert "NaN" in str(events[0].error)  # type: ignore[union-attr]


def test_out_of_memory_fails_the_batch_with_its_size() -> None:
    session = FlowSession(OutOfMemory, max_batch=3)
    ids = [session.admit(utterance(seed, n_frames=n)) for seed, n in ((1, 10), (2, 700))]
    assert session.step() == []
    events = session.step()
    assert [(type(event), event.utterance) for event in events] == [(Failed, i) for i in ids]
    assert "2 utterances of up to 700 frames" in str(events[0].error)  # type: ignore[union-attr]
    assert session.step() == []
