"""The contract of a SpeechBackend, the same for a thread of this process and for a worker process."""

import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from locutor.errors import (
    CancelledError,
    ConflictError,
    EngineError,
    LocutorError,
    NotFoundError,
    OptionError,
    QueueFullError,
    RequestTimeoutError,
    TextError,
    WorkerError,
)
from locutor.serving.backend import Pause, SpeechBackend, SpeechCall, Spoken
from locutor.serving.service import SpeechService
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import Voice

LONG = " ".join(f"This is the sentence with the word {w}." for w in "one two three four five six seven".split())
RATE = 8000


def call(text: str, voice: Voice, *, model: str | None = None, timeout_s: float | None = None, early: bool = False,
         cancelled: threading.Event | None = None, normalize: bool = False, **options: Any) -> SpeechCall:  # fmt: skip
    options.setdefault("seed", 7)
    request = SpeechRequest(text=text, language="en", options=SynthesisOptions(**options), normalize=normalize)
    return SpeechCall.of(request, voice, model=model, timeout_s=timeout_s, early=early, cancelled=cancelled)


def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_is_a_backend_and_says_how_it_spoke(service: SpeechService, ref: Voice) -> None:
    backend: SpeechBackend = service
    done = backend.speak(call("I have 2 cats.", ref, normalize=True))
    recipe = done.recipe
    assert (recipe.spoken, recipe.text, recipe.n_chunks) == ("I have two cats.", "I have 2 cats.", 1)
    assert (recipe.model, recipe.engine, recipe.device, recipe.voice) == ("tones", "tone", "cpu", "ref.wav")
    assert recipe.options["seed"] == 7 and len(recipe.checkpoint_sha256) == 64
    assert done.waveform.n_samples == 1600 and recipe.duration_s == done.waveform.duration_s


def test_streaming_gives_the_same_samples(service: SpeechService, ref: Voice) -> None:
    whole = service.speak(call(LONG, ref))
    stream = service.stream(call(LONG, ref))
    assert stream.recipe is None and stream.sample_rate == RATE
    pieces = list(stream)
    assert len(pieces) > 5
    assert np.array_equal(np.concatenate([p.samples for p in pieces]), whole.waveform.samples)
    assert stream.recipe is not None and stream.recipe.n_chunks == 7


def test_an_urgent_text_begins_with_a_short_piece(service: SpeechService, ref: Voice) -> None:
    text = "A rather long first sentence, with a comma here, goes on. " + LONG
    urgent, plain = service.speak(call(text, ref, early=True)), service.speak(call(text, ref))
    assert urgent.recipe.early and urgent.recipe.spoken == plain.recipe.spoken
    first = next(iter(service.stream(call(text, ref, early=True))))
    assert first.duration_s <= 60 * 100 / RATE


def test_a_drawn_seed_repeats_the_speech(service: SpeechService, ref: Voice) -> None:
    first = service.speak(call("Hello.", ref, seed=None))
    again = service.speak(call("Hello.", ref, seed=first.recipe.options["seed"]))
    assert np.array_equal(first.waveform.samples, again.waveform.samples)


def test_one_seed_is_drawn_for_all_parts(service: SpeechService, ref: Voice) -> None:
    def script(seed: int | None) -> SpeechCall:
        request = SpeechRequest(text="Hello.", language="en", options=SynthesisOptions(seed=seed))
        return SpeechCall(parts=[Spoken(request, ref), Pause(0.5), Spoken(request, ref)])

    first = service.speak(script(None))
    again = service.speak(script(first.recipe.options["seed"]))
    assert np.array_equal(first.waveform.samples, again.waveform.samples)


def test_many_at_once_each_get_their_own(service: SpeechService, ref: Voice) -> None:
    texts = [f"Sentence number {i} of many." for i in range(24)]
    alone = [service.speak(call(text, ref, seed=i)).waveform.samples for i, text in enumerate(texts)]
    with ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(service.speak, call(text, ref, seed=i)) for i, text in enumerate(texts)]
    assert all(np.array_equal(c.result().waveform.samples, a) for c, a in zip(calls, alone, strict=True))


def test_models_are_chosen_by_the_call_and_loaded_once(service: SpeechService, ref: Voice) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda i: service.speak(call("Hi.", ref, model="more-tones")).recipe.model, range(8)))
    assert set(names) == {"more-tones"}
    [state] = [m for m in service.status().models if m.model == "more-tones"]
    assert state.n_loads == 1 and state.users == 0
    service.unload("more-tones")
    with pytest.raises(NotFoundError, match="'more-tones' is not loaded"):
        service.unload("more-tones")
    service.load("more-tones")
    service.unload("more-tones")


def test_scripts_have_voices_pauses_and_gaps(service: SpeechService, ref: Voice) -> None:
    request = SpeechRequest(text="Hello.", language="en", options=SynthesisOptions(seed=1))
    other = Voice(id="other", kind="own", ref_audio=ref.ref_audio)
    parts = [Pause(0.5), Spoken(request, ref), Spoken(request, other), Pause(1.0), Spoken(request, ref), Pause(0.25)]
    done = service.speak(SpeechCall(parts=parts))
    assert done.recipe.voice == "ref.wav,other" and done.recipe.n_chunks == 3
    assert done.waveform.duration_s == pytest.approx(0.5 + 3 * 600 / RATE + 0.25 + 1.0 + 0.25)
    assert not done.waveform.samples[: RATE // 2].any() and done.waveform.samples[RATE // 2]


def test_loudness_is_one_gain(service: SpeechService, ref: Voice) -> None:
    plain, soft = (service.speak(call(LONG, ref, loudness_lufs=lufs)).waveform.samples for lufs in (None, -30))
    gains = soft[np.abs(plain) > 0.01] / plain[np.abs(plain) > 0.01]
    assert gains.max() - gains.min() < 1e-4 and gains.mean() < 0.9


def test_silence_is_shortened_where_asked(service: SpeechService, ref: Voice) -> None:
    long, short = (service.speak(call("Hello pause there.", ref, remove_silence=r)).waveform for r in (False, True))
    assert long.duration_s - short.duration_s == pytest.approx(2.0, abs=0.05)


def test_progress_counts_chunks(service: SpeechService, ref: Voice) -> None:
    seen: list[tuple[int, int]] = []
    service.speak(call(LONG, ref), lambda done, total: seen.append((done, total)))
    assert seen == [(i, 7) for i in range(8)]


@pytest.mark.parametrize(
    ("text", "options", "error", "said"),
    [
        ("...", {}, TextError, "nothing to speak"),
        ("Hello.", {"model": "no-such"}, NotFoundError, "no model is called 'no-such'"),
        ("FAIL this.", {}, EngineError, "cannot say"),
        ("CRASH this.", {}, EngineError, "failed unexpectedly: KeyError$"),
    ],
)
def test_errors_keep_their_kind(
    service: SpeechService, ref: Voice, text: str, options: Any, error: type[LocutorError], said: str
) -> None:
    for ask in (service.speak, service.stream):
        with pytest.raises(error, match=said):
            ask(call(text, ref, **options))
    assert service.speak(call("Hello.", ref)).waveform.n_samples == 600


def test_a_missing_recording_and_language(service: SpeechService, ref: Voice, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no audio file"):
        service.speak(call("Hello.", Voice(id="gone", kind="own", ref_audio=tmp_path / "gone.wav")))
    with pytest.raises(OptionError, match="does not speak de"):
        service.speak(SpeechCall.of(SpeechRequest(text="Hallo.", language="de"), ref))
    with pytest.raises(OptionError, match="nothing to speak"):
        SpeechCall(parts=[Pause(1)])


def test_cancelling_frees_the_device_within_a_second(service: SpeechService, ref: Voice) -> None:
    cancelled = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(service.speak, call("SLOW one.", ref, cancelled=cancelled))
        until(lambda: any(m.users for m in service.status().models))
        begun = time.monotonic()
        cancelled.set()
        with pytest.raises(CancelledError):
            slow.result(5)
        service.speak(call("Hello.", ref))
        assert time.monotonic() - begun < 1.5
    until(lambda: not any(m.users for m in service.status().models))
    assert service.status().waiting == 0


def test_a_stream_that_is_closed_early_is_dropped(service: SpeechService, ref: Voice) -> None:
    stream = service.stream(call(LONG + " SLOW end.", ref))
    stream.close()
    assert service.speak(call("Hello.", ref)).waveform.n_samples == 600
    until(lambda: not any(m.users for m in service.status().models))


def test_what_is_too_late_is_dropped(service: SpeechService, ref: Voice) -> None:
    with pytest.raises(RequestTimeoutError, match=r"not done after 0\.3 s"):
        service.speak(call("SLOW one.", ref, timeout_s=0.3))
    assert service.speak(call("Hello.", ref)).waveform.n_samples == 600


def test_a_model_in_use_is_not_unloaded(service: SpeechService, ref: Voice) -> None:
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(service.speak, call("SLOW one.", ref, cancelled=cancelled))
        until(lambda: any(m.users for m in service.status().models))
        with pytest.raises(ConflictError, match="is in use"):
            service.unload("tones")
        cancelled.set()
        assert isinstance(slow.exception(5), CancelledError)


def test_a_slow_listener_is_not_raced_ahead_of(service: SpeechService, ref: Voice) -> None:
    before = service.metrics.batch_size.collect()[0].samples
    stream = service.stream(call(LONG * 8, ref))
    time.sleep(0.5)
    spoken = sum(s.value for s in service.metrics.batch_size.collect()[0].samples if s.name.endswith("_sum"))
    assert spoken - sum(s.value for s in before if s.name.endswith("_sum")) <= 8 + 2
    assert len(list(stream)) >= 50


@pytest.mark.slow
def test_a_stream_may_be_heard_for_longer_than_a_call_may_last(service: SpeechService, ref: Voice) -> None:
    service.speak(call("Hello.", ref))  # the model is loaded
    begun, n_pieces = time.monotonic(), 0
    for _ in service.stream(call(LONG * 8, ref, timeout_s=1)):
        n_pieces += 1
        time.sleep(0.08)
    assert n_pieces >= 50 and time.monotonic() - begun > 3


def test_a_listener_who_takes_nothing_is_not_waited_for(service: SpeechService, ref: Voice) -> None:
    service.speak(call("Hello.", ref))  # the model is loaded
    stream = service.stream(call(LONG * 8, ref, timeout_s=0.5))
    time.sleep(0.2)
    assert any(m.users for m in service.status().models)
    until(lambda: not any(m.users for m in service.status().models), timeout_s=5)
    with pytest.raises(RequestTimeoutError, match=r"nothing of the speech was taken for 0\.5 s; the rest was dropped"):
        list(stream)
    assert stream.outcome == "timeout"


def test_a_full_queue_refuses(open_service: Any, installation: Path, ref: Voice) -> None:
    with open_service(installation, "in process", max_waiting=2) as service:
        cancelled = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            slow = [pool.submit(service.speak, call("SLOW one.", ref, cancelled=cancelled)) for _ in range(2)]
            until(lambda: service.status().waiting == 2)
            with pytest.raises(QueueFullError, match="2 calls are waiting") as refused:
                service.speak(call("Hello.", ref))
            assert 1 <= refused.value.retry_after_s <= 60
            cancelled.set()
            assert all(isinstance(s.exception(5), CancelledError) for s in slow)
        assert service.speak(call("Hello.", ref)).waveform.n_samples == 600


@pytest.mark.slow
def test_a_worker_that_ends_costs_nobody_else(open_service: Any, installation: Path, ref: Voice) -> None:
    # Not tmp_path: the path must fit into one piece of the text.
    with tempfile.TemporaryDirectory(prefix="d") as folder, open_service(installation, "worker") as service:
        once = Path(folder) / "d"
        expected = service.speak(call(LONG, ref)).waveform.samples
        stream = service.stream(dying(once, ref))
        pieces = [piece.samples for piece in stream]
        assert stream.n_tries == 2 and once.exists()
        assert np.array_equal(np.concatenate(pieces)[: expected.size - 2000], expected[:-2000])
        with pytest.raises(WorkerError, match="ended unexpectedly, twice"):
            service.speak(call("Always DIE", ref))
        assert service.speak(call("Hello.", ref)).waveform.n_samples == 600
        assert service.metrics.worker_restarts.collect()[0].samples[0].value == 3


def dying(once: Path, voice: Voice) -> SpeechCall:
    text = f"{LONG}\n\nDIE {once}"
    return SpeechCall.of(
        SpeechRequest(text=text, language="en", options=SynthesisOptions(seed=7), normalize=False), voice
    )
