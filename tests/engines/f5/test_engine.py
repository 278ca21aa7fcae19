"""The engine's contract: voices, utterances, sessions."""

from types import ModuleType

import numpy as np
import pytest
import torch

from locutor.engines.base import AudioChunk, Done, Engine, Failed, Utterance, VoicePrompt, synthesize
from locutor.engines.f5 import runtime
from locutor.engines.f5.dit import TextEmbedding
from locutor.engines.f5.engine import F5Engine, close_transcript
from locutor.engines.f5.tokens import Vocabulary
from locutor.engines.vocos import Vocos, VocosConfig
from locutor.errors import AudioError, CheckpointError, EngineError, TextError
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

OPTIONS = SynthesisOptions(nfe_step=3, seed=1)


def sound(duration_s: float = 2.0, level: float = 0.3, sample_rate: int = 24_000) -> Waveform:
    t = np.arange(int(sample_rate * duration_s)) / sample_rate
    samples = level * np.sin(2 * np.pi * 200 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    return Waveform(samples.astype(np.float32), sample_rate)


def request(text: str, options: SynthesisOptions = OPTIONS) -> SpeechRequest:
    return SpeechRequest(text=text, language="en", options=options, normalize=False)


@pytest.fixture(scope="module")
def engine(kit: ModuleType) -> F5Engine:
    built: F5Engine = kit.tiny_engine("v1")
    return built


@pytest.fixture(scope="module")
def voice(engine: F5Engine) -> VoicePrompt:
    return engine.encode_voice(sound(), "hello there")


def test_it_is_an_engine(engine: F5Engine) -> None:
    assert isinstance(engine, Engine)
    assert engine.info.needs_ref_text and not engine.info.commercial_use


def test_transcripts_close_as_upstream(kit: ModuleType) -> None:
    cases = kit.read_json("transcripts.json")
    assert len(cases) >= 7
    for case in cases:
        assert close_transcript(case["text"].strip()) == case["closed"]


def test_speaks(engine: F5Engine, voice: VoicePrompt) -> None:
    spoken = engine.prepare(request("what a day"), voice)
    (waveform,) = synthesize(engine, [spoken], OPTIONS)
    assert waveform.sample_rate == 24_000
    assert waveform.n_samples == (spoken.n_frames - voice.state.n_frames - 2) * 256
    assert np.abs(waveform.samples).max() > 0


def test_same_seed_same_audio(engine: F5Engine, voice: VoicePrompt) -> None:
    first, again, other = (
        synthesize(engine, [engine.prepare(request("a word", SynthesisOptions(nfe_step=3, seed=s)), voice)], OPTIONS)[0]
        for s in (1, 1, 2)
    )
    assert np.array_equal(first.samples, again.samples)
    assert not np.allclose(first.samples, other.samples)


def test_missing_seeds_are_drawn(engine: F5Engine, voice: VoicePrompt) -> None:
    state = torch.get_rng_state()
    seeds = {engine.prepare(request("a word", SynthesisOptions()), voice).seed for _ in range(3)}
    assert len(seeds) == 3
    assert torch.equal(torch.get_rng_state(), state)


def test_batch_equals_single(engine: F5Engine, voice: VoicePrompt) -> None:
    batch = [engine.prepare(request(text), voice) for text in ("hi", "hello there my friend", "what is it now?")]
    assert len({u.n_frames for u in batch}) == 3
    for together, spoken in zip(synthesize(engine, batch, OPTIONS), batch, strict=True):
        (alone,) = synthesize(engine, [spoken], OPTIONS)
        assert together.n_samples == alone.n_samples
        np.testing.assert_allclose(together.samples, alone.samples, atol=1e-4)


def test_on_a_cpu_nobody_waits_for_another_in_the_same_batch(engine: F5Engine) -> None:
    assert engine._network is not None and engine._vocoder is not None
    assert F5Engine(engine._network, engine.vocabulary, engine._vocoder).info.max_batch == 1


def test_a_step_is_an_euler_step(engine: F5Engine, voice: VoicePrompt) -> None:
    session = engine.open_session(SynthesisOptions(nfe_step=4))
    i = session.admit(engine.prepare(request("a word"), voice))
    assert [session.step() for _ in range(3)] == [[], [], []]
    chunk, done = session.step()
    assert isinstance(chunk, AudioChunk) and (chunk.utterance, done) == (i, Done(i))
    assert session.step() == []


def test_cancel_leaves_the_others(engine: F5Engine, voice: VoicePrompt) -> None:
    batch = [engine.prepare(request(text), voice) for text in ("hi", "hello there my friend", "what is it now?")]
    session = engine.open_session(OPTIONS)
    ids = [session.admit(u) for u in batch]
    session.step()
    session.cancel(ids[1])
    events = session.step() + session.step()
    chunks = {e.utterance: e.waveform for e in events if isinstance(e, AudioChunk)}
    assert list(chunks) == [ids[0], ids[2]]
    for i, spoken in ((ids[0], batch[0]), (ids[2], batch[2])):
        (alone,) = synthesize(engine, [spoken], OPTIONS)
        np.testing.assert_allclose(chunks[i].samples, alone.samples, atol=1e-4)


def test_cancel_before_and_after(engine: F5Engine, voice: VoicePrompt) -> None:
    session = engine.open_session(OPTIONS)
    i = session.admit(engine.prepare(request("a word"), voice))
    session.cancel(i)
    session.cancel(i)
    assert session.step() == []


def test_sessions_refuse_latecomers_and_crowds(engine: F5Engine, voice: VoicePrompt) -> None:
    spoken = engine.prepare(request("a word"), voice)
    session = engine.open_session(OPTIONS)
    for _ in range(engine.info.max_batch):
        session.admit(spoken)
    with pytest.raises(EngineError, match="full"):
        session.admit(spoken)
    session.step()
    session.cancel(1)
    with pytest.raises(EngineError, match="has begun"):
        session.admit(spoken)


def test_nan_is_a_failure_of_its_utterance(kit: ModuleType, voice: VoicePrompt) -> None:
    engine: F5Engine = kit.tiny_engine("v1")
    good = engine.prepare(request("a word"), voice)
    state = good.state
    bad_mel = torch.full_like(state.mel, torch.nan)
    bad = Utterance(text="x", n_frames=good.n_frames, seed=1, state=type(state)(ids=state.ids, mel=bad_mel, gain=1.0))
    session = engine.open_session(OPTIONS)
    ids = [session.admit(u) for u in (bad, good)]
    events = [event for _ in range(3) for event in session.step()]
    assert isinstance(events[0], Failed) and events[0].utterance == ids[0]
    assert "NaN" in str(events[0].error)
    assert [type(e) for e in events[1:]] == [AudioChunk, Done]


def test_a_quiet_reference_is_raised_and_the_result_lowered(engine: F5Engine) -> None:
    loud, quiet = (engine.encode_voice(sound(level=level), "hello there") for level in (0.3, 0.03))
    a, b = (engine.prepare(request("a word"), v).state for v in (loud, quiet))
    assert a.gain == 1.0
    assert b.gain == pytest.approx(quiet.state.rms / 0.1)
    gained = engine.prepare(request("a word", SynthesisOptions(target_rms=loud.state.rms)), quiet).state
    heard = a.mel > -8  # fainter bands meet the floor of the logarithm
    assert heard.float().mean() > 0.2
    torch.testing.assert_close(gained.mel[heard], a.mel[heard], rtol=0, atol=1e-2)


def test_references_of_any_rate(engine: F5Engine) -> None:
    for rate in (8_000, 16_000, 44_100, 48_000):
        voice = engine.encode_voice(sound(sample_rate=rate), "hello there")
        assert voice.state.samples.shape[1] == pytest.approx(2.05 * 24_000, rel=0.01)


def test_long_references_are_cut(engine: F5Engine) -> None:
    assert engine.encode_voice(sound(40.0), "hello there").state.duration_s < 12.2


@pytest.mark.parametrize("ref_text", [None, "", "   "])
def test_transcript_is_needed(engine: F5Engine, ref_text: str | None) -> None:
    with pytest.raises(TextError, match="needs ref_text"):
        engine.encode_voice(sound(), ref_text)


def test_bad_references(engine: F5Engine) -> None:
    for bad in (sound(0.5), sound(61.0), Waveform(np.zeros(48_000, np.float32), 24_000)):
        with pytest.raises(AudioError):
            engine.encode_voice(bad, "hello there")


@pytest.mark.parametrize("text", ["", "  ", "...", "\U0001f600"])
def test_nothing_to_speak(engine: F5Engine, voice: VoicePrompt, text: str) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        engine.prepare(request(text), voice)


def test_dropped_characters_are_told(engine: F5Engine, voice: VoicePrompt, caplog: pytest.LogCaptureFixture) -> None:
    assert engine.prepare(request("héllo 5 \U0001f600"), voice).text == "hello"
    assert "cannot pronounce '5' '\U0001f600'" in caplog.text


def test_numbers_are_read_out(engine: F5Engine, voice: VoicePrompt) -> None:
    normal = SpeechRequest(text="2 days", language="en", options=OPTIONS)
    assert engine.prepare(normal, voice).text == "two days"


def test_voices_of_other_engines(engine: F5Engine) -> None:
    other = VoicePrompt(engine="builtin", ref_audio=sound(), ref_text=None, state=None)
    with pytest.raises(EngineError, match="'builtin'"):
        engine.prepare(request("a"), other)


def test_closed(kit: ModuleType) -> None:
    engine: F5Engine = kit.tiny_engine("v1")
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.open_session(OPTIONS)


def test_vocoder_must_fit(kit: ModuleType) -> None:
    network = kit.tiny_network("v1")
    with pytest.raises(CheckpointError, match="80 mel bands"):
        F5Engine(
            network, Vocabulary(kit.TOKENS), Vocos(VocosConfig(n_mels=80, dim=16, intermediate_dim=16, n_layers=1))
        )
    network.config = network.config.model_copy(update={"mel_kind": "bigvgan"})
    with pytest.raises(CheckpointError, match="bigvgan mels"):
        F5Engine(network, Vocabulary(kit.TOKENS), kit.tiny_vocos())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_positions_stay_in_float32(kit: ModuleType, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """In half precision only the layers round: far from the start the error is well below that of halved positions."""
    mel = torch.randn(900, 100, generator=torch.Generator().manual_seed(0))
    spoken = kit.utterance("hello there what now", mel, 2000, seed=4)
    (full,) = kit.run_solve(kit.tiny_network("v1"), [spoken], nfe_step=2)

    def error() -> float:
        (half,) = kit.run_solve(kit.tiny_network("v1").to(dtype), [spoken], nfe_step=2)
        assert half.dtype == torch.float32
        return float((full - half)[1800:].std() / full[1800:].std())

    ours = error()
    monkeypatch.setattr(runtime, "rope_table", lambda n, f: halved_table(n, f.to(dtype)))
    assert ours < 0.03 and ours < 0.7 * error()


def halved_table(n: int, frequencies: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    angle = torch.outer(torch.arange(n).to(frequencies), frequencies).repeat_interleave(2, dim=-1).float()
    return angle.cos(), angle.sin()


def test_text_embeddings_are_computed_once_a_solve(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    embed = TextEmbedding.forward
    monkeypatch.setattr(TextEmbedding, "forward", lambda *a, **k: calls.append(1) or embed(*a, **k))
    network = kit.tiny_network("v1")
    spoken = kit.utterance("hello", torch.zeros(20, 100), 50, seed=1)
    kit.run_solve(network, [spoken], nfe_step=6)
    assert len(calls) == 1  # both guidance halves in one


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_seed_means_the_same_on_every_device(kit: ModuleType) -> None:
    golden = kit.read_arrays("v1.npz")
    spoken = kit.utterance("hello there. what now", golden["solve_ref_mel"][0], 75, seed=11)
    (mel,) = kit.run_solve(kit.tiny_network("v1").to("cuda"), [spoken], nfe_step=7)
    torch.testing.assert_close(mel[30:].cpu(), golden["solve_epss7"][0, 30:], rtol=0, atol=1e-2)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_it_speaks_on_the_second_device_as_on_the_first(kit: ModuleType) -> None:
    def spoken(device: str) -> list[np.ndarray]:
        built = F5Engine(kit.tiny_network("v1"), Vocabulary(kit.TOKENS), kit.tiny_vocos().to(device))
        utterance = built.prepare(request("what a day"), built.encode_voice(sound(), "hello there"))
        return [synthesize(built, [utterance], OPTIONS)[0].samples for _ in range(3)]  # launched, recorded, replayed

    first, second = spoken("cuda:0"), spoken("cuda:1")
    again = spoken("cuda:0")
    assert torch.cuda.current_device() == 0
    for here, there, back in zip(first, second, again, strict=True):
        assert np.abs(here).max() > 0
        np.testing.assert_allclose(there, here, atol=1e-2 * np.abs(here).max())
        np.testing.assert_allclose(back, here, atol=1e-2 * np.abs(here).max())
