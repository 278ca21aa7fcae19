"""Network, solve and pipeline against F5-TTS 1.1.22, by goldens made with the same random weights."""

from types import ModuleType

import numpy as np
import pytest
import torch

from locutor.audio.mel import HOP_LENGTH
from locutor.engines.base import VoicePrompt
from locutor.engines.f5.engine import F5Voice, reference_mel
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

VARIANTS = ("v0", "v1", "v1_qk_norm")


@pytest.mark.parametrize("variant", VARIANTS)
def test_text_embedding_equals_upstream(kit: ModuleType, variant: str) -> None:
    kit.check_text(variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_network_call_equals_upstream(kit: ModuleType, variant: str) -> None:
    kit.check_velocity(variant)


@pytest.mark.parametrize("solve", ("epss7", "uniform8", "sway9", "unguided5"))
@pytest.mark.parametrize("variant", VARIANTS)
def test_sampling_equals_upstream(kit: ModuleType, variant: str, solve: str) -> None:
    kit.check_solve(variant, solve)


@pytest.mark.parametrize("variant", VARIANTS)
def test_batch_equals_single(kit: ModuleType, variant: str) -> None:
    kit.check_batch(variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padded_network_call_equals_single(kit: ModuleType, variant: str) -> None:
    kit.check_padded(variant)


def test_variants_differ(kit: ModuleType) -> None:
    """v0 and v1 share tensors but not results, so one config cannot stand in for the other."""
    v0, v1 = (kit.read_arrays(f"{variant}.npz")["velocity"] for variant in ("v0", "v1"))
    assert (v0 - v1).abs().max() > 0.1


def quiet_voice(audio: torch.Tensor) -> VoicePrompt:
    rms = float(audio.square().mean().sqrt())
    assert rms < 0.1
    voice = F5Voice(samples=audio, rms=rms, ref_text="hello there.  ")
    return VoicePrompt(engine="f5", ref_audio=Waveform(audio[0].numpy(), 24_000), ref_text="hello there.", state=voice)


def test_pipeline_equals_upstream(kit: ModuleType) -> None:
    """Reference audio and texts to mel and waveform. Upstream's result starts one frame early, with the last frame
    of the reference; the comparison adds it."""
    golden = kit.read_arrays("pipeline.npz")
    engine = kit.tiny_engine("v1")
    options = SynthesisOptions(nfe_step=7, seed=5)
    request = SpeechRequest(text="what a day it was", language="en", options=options, normalize=False)
    spoken = engine.prepare(request, quiet_voice(golden["audio"]))
    (mel,) = kit.run_solve(kit.tiny_network("v1"), [spoken], nfe_step=7)
    n_ref = golden["audio"].shape[1] // HOP_LENGTH
    early = torch.cat([spoken.state.mel[n_ref:], mel[n_ref + 1 :]])
    kit.assert_equal(early.T, golden["mel"])
    waveform = kit.tiny_vocos()(early.T[None])[0] * spoken.state.gain
    torch.testing.assert_close(waveform, golden["waveform"], rtol=0, atol=kit.TOLERANCE)
    assert golden["waveform"].std() > 0.01  # the reference is quiet, and so is what is made from it


def test_output_starts_with_the_new_text(kit: ModuleType) -> None:
    """The engine's audio is what the vocoder makes of the frames after the reference, and of none of it."""
    golden = kit.read_arrays("pipeline.npz")
    engine = kit.tiny_engine("v1")
    options = SynthesisOptions(nfe_step=7, seed=5)
    request = SpeechRequest(text="what a day it was", language="en", options=options, normalize=False)
    spoken = engine.prepare(request, quiet_voice(golden["audio"]))
    session = engine.open_session(options)
    session.admit(spoken)
    events = [event for _ in range(7) for event in session.step()]
    (mel,) = kit.run_solve(kit.tiny_network("v1"), [spoken], nfe_step=7)
    new = mel[len(reference_mel(golden["audio"])) :]
    wanted = kit.tiny_vocos()(new.T[None])[0] * spoken.state.gain
    np.testing.assert_allclose(events[0].waveform.samples, wanted.numpy(), atol=1e-5)
    assert events[0].waveform.n_samples == (spoken.n_frames - n_reference_frames(golden["audio"]) - 1) * HOP_LENGTH


def n_reference_frames(audio: torch.Tensor) -> int:
    return audio.shape[1] // HOP_LENGTH + 1
