"""Several utterances in one batch: each as if alone, joined and left at any step, streamed, refused when full."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from locutor.engines.base import AudioChunk, Done, Event, Utterance, VoicePrompt, synthesize
from locutor.engines.xtts import int8
from locutor.engines.xtts.decoder import Decoder
from locutor.engines.xtts.engine import Plan, XttsEngine
from locutor.errors import AudioError, EngineError, NotFoundError, OptionError
from locutor.types import SpeechRequest, SynthesisOptions

TEXTS = ("hello there", "another one, it is", "so what now?")


@pytest.fixture
def engine(kit: ModuleType, tmp_path: Path) -> XttsEngine:
    built: XttsEngine = kit.tiny_engine(tmp_path)
    return built


@pytest.fixture
def voices(engine: XttsEngine, kit: ModuleType) -> list[VoicePrompt]:
    return [engine.encode_voice(kit.reference(1.5, pitch_hz=pitch)) for pitch in (110, 170, 230)]


def batch(engine: XttsEngine, voices: Iterable[VoicePrompt]) -> list[Utterance]:
    options = [SynthesisOptions(seed=i, temperature=0.7 + 0.2 * i, top_k=20 * i) for i in range(3)]
    return [
        engine.prepare(SpeechRequest(text=text, language=language, options=each), voice)
        for text, language, each, voice in zip(TEXTS, ("en", "pt-BR", "en"), options, voices, strict=True)
    ]


def alone(engine: XttsEngine, utterance: Utterance) -> np.ndarray:
    return synthesize(engine, [utterance], SynthesisOptions())[0].samples


def heard(events: Iterable[Event], i: int) -> np.ndarray:
    return np.concatenate([e.waveform.samples for e in events if isinstance(e, AudioChunk) and e.utterance == i])


def test_a_batch_is_each_alone(engine: XttsEngine, voices: list[VoicePrompt]) -> None:
    utterances = batch(engine, voices)
    together = synthesize(engine, utterances, SynthesisOptions())
    for utterance, waveform in zip(utterances, together, strict=True):
        assert waveform.samples.std() > 0.01
        np.testing.assert_allclose(waveform.samples, alone(engine, utterance), atol=1e-4)


def test_joining_and_leaving_disturb_nobody(engine: XttsEngine, voices: list[VoicePrompt]) -> None:
    first, second, third = batch(engine, voices)
    session = engine.open_session(SynthesisOptions())
    events: list[Event] = []
    ids = [session.admit(first), session.admit(second)]
    for _ in range(3):
        events += session.step()
    ids.append(session.admit(third))
    events += session.step()
    session.cancel(ids[1])
    n_before = len(events)
    open_ids = {ids[0], ids[2]} - {e.utterance for e in events if isinstance(e, Done)}
    while open_ids:
        made = session.step()
        events += made
        open_ids -= {e.utterance for e in made if isinstance(e, Done)}
    assert session.step() == []
    assert all(event.utterance != ids[1] for event in events[n_before:])
    for i, utterance in ((ids[0], first), (ids[2], third)):
        np.testing.assert_allclose(heard(events, i), alone(engine, utterance), atol=1e-4)


def test_speech_comes_in_pieces(engine: XttsEngine, voices: list[VoicePrompt]) -> None:
    session = engine.open_session(SynthesisOptions())
    session.admit(batch(engine, voices)[0])
    n_steps = 0
    while not any(isinstance(event, AudioChunk) for event in session.step()):
        n_steps += 1
    assert n_steps * 2 < 40, "long before the 257 codes that fit"


def test_a_full_session_says_so(engine: XttsEngine, voices: list[VoicePrompt]) -> None:
    utterance = batch(engine, voices)[0]
    session = engine.open_session(SynthesisOptions())
    for _ in range(engine.info.max_batch):
        session.admit(utterance)
    with pytest.raises(EngineError, match="this batch is full: it takes 4 utterances"):
        session.admit(utterance)


def test_the_same_seed_is_the_same_speech(engine: XttsEngine, voices: list[VoicePrompt]) -> None:
    request = SpeechRequest(text=TEXTS[0], language="en", options=SynthesisOptions(seed=5))
    other = SpeechRequest(text=TEXTS[0], language="en", options=SynthesisOptions(seed=6))
    first, again, another = (alone(engine, engine.prepare(r, voices[0])) for r in (request, request, other))
    assert first.tolist() == again.tolist() != another.tolist()


def test_eight_bits_sound_nearly_alike(engine: XttsEngine, kit: ModuleType, tmp_path: Path) -> None:
    """A random network is no judge of sound: its logits must stay near, and the speech be speech."""
    small: XttsEngine = kit.tiny_engine(tmp_path, int8=True)
    voice = small.encode_voice(kit.reference(1.5))
    request = SpeechRequest(text=TEXTS[0], language="en", options=SynthesisOptions(seed=1))
    assert alone(small, small.prepare(request, voice)).std() > 0.01
    x = torch.randn(1, 7, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact, near = (e._open().gpt.gpt(x) for e in (engine, small))
    assert 0 < float((exact - near).norm() / exact.norm()) < 0.03


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_gpus_without_bfloat16_compute_in_float32(
    capability: tuple[int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    plan = Plan.of("cuda:0")
    assert plan.dtype == dtype and (plan.vocoder_dtype == torch.float32) == (dtype == torch.float32)


@pytest.mark.parametrize(("engines", "chosen"), [(["qnnpack", "none"], "qnnpack"), (["none"], "none")])
def test_eight_bits_only_where_there_are_kernels(
    engines: list[str], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Apple's processors PyTorch has QNNPACK but begins with none."""
    backend = SimpleNamespace(engine="none", supported_engines=engines)
    monkeypatch.setattr(int8.torch.backends, "quantized", backend)
    assert Plan.of("cpu").int8 == (chosen != "none") and backend.engine == chosen


@pytest.mark.parametrize("retries", [0, 1])
def test_a_model_that_says_nothing_says_so(
    engine: XttsEngine, voices: list[VoicePrompt], retries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop code at once, spoken faster, is less than one frame."""
    options = SynthesisOptions(seed=1, speed=1.5, retries=retries)
    spoken = engine.prepare(SpeechRequest(text=TEXTS[0], language="en", options=options), voices[0])
    stop = engine._open().config.stop_audio_token
    run = Decoder.run
    monkeypatch.setattr(Decoder, "run", lambda self: replace(made := run(self), codes=made.codes.fill_(stop)))
    with pytest.raises(EngineError, match="the model spoke nothing; try another seed"):
        synthesize(engine, [spoken], options)


def test_several_recordings_make_one_voice(engine: XttsEngine, kit: ModuleType) -> None:
    clips = [kit.reference(1.5, pitch_hz=pitch) for pitch in (110, 230)]
    both = engine.encode_clips(clips).state
    singles = [engine.encode_voice(clip).state for clip in clips]
    assert torch.allclose(both.speaker, torch.stack([s.speaker for s in singles]).mean(0), atol=1e-5)
    assert not torch.allclose(both.latents, singles[0].latents, atol=1e-3)


def test_what_the_engine_refuses(engine: XttsEngine, voices: list[VoicePrompt], kit: ModuleType) -> None:
    def prepare(language: str = "en", voice: VoicePrompt = voices[0], **options: float) -> Utterance:
        given = SynthesisOptions(**options)  # type: ignore[arg-type]
        return engine.prepare(SpeechRequest(text="so it is", language=language, options=given), voice)

    with pytest.raises(OptionError, match="nfe_step"):
        prepare(nfe_step=8)
    with pytest.raises(OptionError, match="XTTS-v2 does not speak 'sv'"):
        prepare(language="sv")
    with pytest.raises(EngineError, match="engine 'f5' cannot be used with 'xtts'"):
        prepare(voice=VoicePrompt(engine="f5", ref_audio=kit.reference(1.0), ref_text="", state=None))
    with pytest.raises(NotFoundError, match="this model has no speaker 'Ana'; it has none at all"):
        engine.studio_voice("Ana")
    with pytest.raises(AudioError, match="at least one recording"):
        engine.encode_clips([])
    engine.close()
    with pytest.raises(EngineError, match="is closed; load it again"):
        engine.encode_voice(kit.reference(1.5))


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_it_speaks_on_the_second_device_as_on_the_first(kit: ModuleType, tmp_path: Path) -> None:
    def spoken(device: str) -> np.ndarray:
        built = kit.tiny_engine(tmp_path, device=device)
        voices = [built.encode_voice(kit.reference(1.5, pitch_hz=pitch)) for pitch in (110, 170, 230)]
        return alone(built, batch(built, voices)[0])

    first, second = spoken("cuda:0"), spoken("cuda:1")
    assert torch.cuda.current_device() == 0
    np.testing.assert_allclose(second, first, atol=1e-2)
