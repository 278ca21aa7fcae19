import dataclasses
import itertools

import numpy as np
import pytest
import torch

from locutor.audio.level import rms
from locutor.audio.mel import FRAME_RATE, HOP_LENGTH, mel_spectrogram
from locutor.audio.resample import resample
from locutor.engines.base import AudioChunk, Done, Utterance, VoicePrompt, synthesize
from locutor.engines.builtin.engine import INFO, BuiltinEngine, Networks, loudest_stretch
from locutor.engines.builtin.phonemes import phoneme_tokens
from locutor.engines.builtin.solve import Solve, SolveOptions
from locutor.engines.device import multiplies_bf16
from locutor.errors import AudioError, EngineError, OptionError, TextError
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

QUICK = {"nfe_step": 2, "seed": 7}
LINES = (
    ("voice_00", "en", "Good morning."),
    ("voice_01", "pt-BR", "Vamos à praia amanhã."),
    ("voice_02", "en", "Yes!"),
    ("voice_07", "pt-BR", "Tudo bem."),
)


def prepared(
    engine: BuiltinEngine, prompts: dict[str, VoicePrompt], line: tuple[str, str, str], **options: object
) -> Utterance:
    voice, language, text = line
    request = SpeechRequest(text=text, language=language, options=SynthesisOptions(**(QUICK | options)))  # type: ignore[arg-type]
    return engine.prepare(request, prompts[voice])


@torch.inference_mode()
def mels(networks: Networks, spoken: list[Utterance], cfg_strength: float) -> list[torch.Tensor]:
    solve = Solve(networks.acoustic, networks.vocoder, spoken, SolveOptions(nfe_step=2, cfg_strength=cfg_strength))
    while not solve.done:
        solve.step()
    return [mel.T for mel in solve.mels()]


@pytest.mark.parametrize("cfg_strength", [0.0, 1.0])
def test_batch_equals_single(
    builtin: BuiltinEngine, networks: Networks, prompts: dict[str, VoicePrompt], cfg_strength: float
) -> None:
    """Voices, their references and the texts all of different lengths."""
    spoken = [prepared(builtin, prompts, line) for line in LINES]
    assert len({u.n_frames for u in spoken}) == len({u.state.voice.n_ref for u in spoken}) == len(LINES)
    for utterance, of_batch in zip(spoken, mels(networks, spoken, cfg_strength), strict=True):
        (alone,) = mels(networks, [utterance], cfg_strength)
        assert alone.shape == of_batch.shape == (100, utterance.n_frames) and alone.std() > 0.5
        assert (alone - of_batch).abs().max() <= 1e-4


def test_batched_audio_equals_single_audio(batching: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    """The vocoder turns a difference of 1e-5 in the mel into one of up to 1e-4 where the phase is undecided."""
    spoken, options = [prepared(batching, prompts, line) for line in LINES[2:]], SynthesisOptions(nfe_step=2)
    for utterance, of_batch in zip(spoken, synthesize(batching, spoken, options), strict=True):
        (alone,) = synthesize(batching, [utterance], options)
        assert alone.n_samples == of_batch.n_samples == (utterance.n_frames - 1) * HOP_LENGTH
        assert np.abs(alone.samples - of_batch.samples).max() <= 1e-3
        assert rms(alone) > 0.01


def test_a_cancelled_utterance_leaves_the_others_as_they_are(
    batching: BuiltinEngine, prompts: dict[str, VoicePrompt]
) -> None:
    spoken = [prepared(batching, prompts, line) for line in LINES[:3]]
    options = SynthesisOptions(nfe_step=3, cfg_strength=0.5)
    session = batching.open_session(options)
    ids = [session.admit(utterance) for utterance in spoken]
    assert session.step() == []
    session.cancel(ids[1])
    events = session.step() + session.step()
    assert [(type(e), e.utterance) for e in events] == [
        (kind, i) for i in (ids[0], ids[2]) for kind in (AudioChunk, Done)
    ]
    assert session.step() == []
    audio = [event.waveform.samples for event in events if isinstance(event, AudioChunk)]
    for samples, utterance in zip(audio, (spoken[0], spoken[2]), strict=True):
        assert np.abs(samples - synthesize(batching, [utterance], options)[0].samples).max() <= 1e-3


def test_a_cpu_that_multiplies_bf16_says_the_same(
    batching: BuiltinEngine, clips: dict[str, Waveform], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    halved, options = BuiltinEngine.load("cpu"), SynthesisOptions(nfe_step=2, cfg_strength=0.5)
    mels = []
    for engine in (batching, halved):
        voice = {"voice_02": engine.encode_voice(clips["voice_02"])}
        (speech,) = synthesize(engine, [prepared(engine, voice, LINES[2])], options)
        mels.append(mel_spectrogram(torch.from_numpy(speech.samples)[None]))
    error = (mels[0] - mels[1]).abs().mean()
    assert 0 < error < 0.1 * mels[0].std()
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not multiplies_bf16("cpu") and not multiplies_bf16("cuda:0")
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as before PyTorch 2.11
    assert not multiplies_bf16("cpu")


def test_on_a_cpu_nobody_waits_for_another_in_the_same_batch(builtin: BuiltinEngine) -> None:
    assert builtin.info.max_batch == 1 and INFO.max_batch > 1


def test_the_seed_decides(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    options = SynthesisOptions(nfe_step=2)
    one, again, other = (
        synthesize(builtin, [prepared(builtin, prompts, LINES[2], seed=s)], options)[0].samples for s in (1, 1, 2)
    )
    assert np.array_equal(one, again) and not np.allclose(one, other, atol=1e-3)
    drawn = {prepared(builtin, prompts, LINES[2], seed=None).seed for _ in range(3)}
    assert len(drawn) == 3


def test_a_prompt_made_twice_is_the_same(
    builtin: BuiltinEngine, prompts: dict[str, VoicePrompt], clips: dict[str, Waveform]
) -> None:
    again = {"voice_02": builtin.encode_voice(clips["voice_02"], "a transcript nobody needs")}
    options = SynthesisOptions(nfe_step=2)
    one, other = (synthesize(builtin, [prepared(builtin, p, LINES[2])], options)[0] for p in (prompts, again))
    assert np.array_equal(one.samples, other.samples)


@pytest.mark.parametrize("offset", [0.01, 0.03])
def test_a_constant_offset_of_the_reference_is_trimmed_as_silence(
    builtin: BuiltinEngine, clips: dict[str, Waveform], offset: float
) -> None:
    clip = clips["voice_02"]
    quiet = np.zeros(clip.sample_rate, np.float32)
    padded = np.concatenate([quiet, clip.samples, quiet])
    plain, moved = (builtin.encode_voice(Waveform(padded + d, clip.sample_rate)).ref_audio for d in (0, offset))
    assert plain.duration_s < clip.duration_s + 0.1
    assert moved.duration_s == pytest.approx(plain.duration_s, abs=0.02)


def test_frames_say_the_phonemes_in_order(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    request = SpeechRequest(text="/həlˈoʊ/", language="en", normalize=False)
    said = builtin.prepare(request, prompts["voice_00"])
    tokens = said.state.tokens.tolist()
    assert len(tokens) == said.n_frames
    assert [token for token, _ in itertools.groupby(tokens)] == phoneme_tokens("_həlˈoʊ_")


def test_speed_and_fixed_duration(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    line = LINES[1]
    at_one = prepared(builtin, prompts, line).n_frames
    for speed in (0.5, 2.0):
        assert prepared(builtin, prompts, line, speed=speed).n_frames == pytest.approx(at_one / speed, rel=0.05)
    for duration_s in (1.0, 4.5, 60.0):
        fixed = prepared(builtin, prompts, line, fix_duration_s=duration_s, speed=0.7)
        assert fixed.n_frames == round(duration_s * FRAME_RATE)


def test_too_long_is_refused_and_never_cut_off(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    with pytest.raises(OptionError, match="fix_duration_s must be between 0.1 and 60, not 61"):
        prepared(builtin, prompts, LINES[0], fix_duration_s=61.0)
    with pytest.raises(TextError, match=r"a text of \d+ characters would take \d+ s; at most 60 s"):
        prepared(builtin, prompts, ("voice_00", "en", "and so on, " * 100), speed=0.5)
    longest = "a " * (builtin.info.max_chars // 2)
    assert prepared(builtin, prompts, ("voice_00", "en", longest), speed=0.5).n_frames < 60 * FRAME_RATE


@pytest.mark.parametrize("text", ["", "   ", "...", "— !", "世界"])
def test_nothing_to_speak(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt], text: str) -> None:
    with pytest.raises(TextError, match="(?i)nothing to"):
        prepared(builtin, prompts, ("voice_00", "en", text))


def test_the_text_is_read_out_unless_it_was(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    request = SpeechRequest(text="Room 12", language="en")
    assert builtin.prepare(request, prompts["voice_00"]).text == "Room twelve"
    bare = dataclasses.replace(request, normalize=False)
    assert builtin.prepare(bare, prompts["voice_00"]).text == "Room 12"


def test_unknown_language_and_foreign_prompt(builtin: BuiltinEngine, prompts: dict[str, VoicePrompt]) -> None:
    with pytest.raises(OptionError, match="speaks en, pt-BR, not 'fr'"):
        prepared(builtin, prompts, ("voice_00", "fr", "Bonjour."))
    foreign = dataclasses.replace(prompts["voice_00"], engine="f5")
    with pytest.raises(EngineError, match="engine 'f5' cannot be used with 'builtin'"):
        builtin.prepare(SpeechRequest(text="Hi.", language="en"), foreign)


def test_references_that_cannot_be_used(builtin: BuiltinEngine, clips: dict[str, Waveform]) -> None:
    speech, rate = clips["voice_00"].samples, 24_000
    click = np.zeros(2 * rate, np.float32)
    click[rate : rate + 200] = 0.5
    hum = 0.003 * np.sin(np.arange(2 * rate, dtype=np.float32) / 20)  # heard by nobody, yet above silence
    for samples, message in (
        (speech[:0], "is empty"),
        (speech[: rate // 2], "lasts 0.50 s; at least 1 s"),
        (np.zeros(2 * rate), "is silent"),
        (np.sign(speech), "is clipped"),
        (np.tile(speech, 25), "at most 60 s"),
        (click, r"has 0\.0\d s of sound between its silent edges; at least 0.5 s"),
        (hum, r"has 0\.00 s of sound between its silent edges; at least 0.5 s"),
    ):
        with pytest.raises(AudioError, match=message):
            builtin.encode_voice(Waveform(samples, rate))


def test_the_shortest_reference_speaks(builtin: BuiltinEngine, clips: dict[str, Waveform]) -> None:
    rate = 24_000
    samples = np.pad(clips["voice_01"].samples[rate : rate + rate * 6 // 10], rate // 4)
    prompt = builtin.encode_voice(Waveform(samples, rate))
    spoken = prepared(builtin, {"voice_02": prompt}, LINES[2])
    assert rms(synthesize(builtin, [spoken], SynthesisOptions(nfe_step=2))[0]) > 0.01


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_references_of_any_rate_and_level_are_heard_alike(
    builtin: BuiltinEngine, prompts: dict[str, VoicePrompt], clips: dict[str, Waveform], rate: int
) -> None:
    clip = clips["voice_02"]
    other = resample(Waveform(clip.samples * 0.3, clip.sample_rate), rate)
    mel, wanted = builtin.encode_voice(other).state.mel[0, :, :60], prompts["voice_02"].state.mel[0, :, :60]
    assert abs(len(mel) - len(wanted)) <= 10  # the quiet edges of a quiet recording are cut a little closer
    assert float((mel.mean(0) - wanted.mean(0)).abs().max()) < 0.2  # bands below 3.5 kHz


def test_the_loudest_stretch_of_a_long_reference() -> None:
    quiet, loud = np.full(3000, 0.01, np.float32), np.full(2000, 0.5, np.float32)
    waveform = Waveform(np.concatenate([quiet, loud, quiet]), 1000)
    found = loudest_stretch(waveform, 2.0)
    assert found.n_samples == 2000 and np.array_equal(found.samples, loud)
    assert loudest_stretch(waveform, 8.0) is waveform


def test_a_closed_engine_says_so(networks: Networks, clips: dict[str, Waveform]) -> None:
    engine = BuiltinEngine(networks)
    engine.close()
    engine.close()
    for use in (lambda: engine.encode_voice(clips["voice_00"]), lambda: engine.open_session(SynthesisOptions())):
        with pytest.raises(EngineError, match="is closed"):
            use()
