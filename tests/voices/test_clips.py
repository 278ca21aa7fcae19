"""A voice of several recordings: an engine that can hears them apart, the others hear them joined."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from locutor.audio import io
from locutor.engines.base import Engine, VoicePrompt
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.registry import default_registry
from locutor.types import Waveform
from locutor.voices.library import NewClip, VoiceLibrary
from locutor.voices.prompts import PromptCache

RATE = 22_050  # what XTTS listens at: nothing is resampled, so that recordings can be put together here


@pytest.fixture
def xtts(install_xtts: Callable[..., str], tmp_path: Path) -> Engine:
    return default_registry().load(CheckpointStore(tmp_path).locate(install_xtts(tmp_path)), "cpu")


@pytest.fixture
def add(library: VoiceLibrary, clip: Path) -> Callable[..., str]:
    """add("Ana", 2, 5) makes a voice of recordings that last so many seconds, each louder than the one before."""
    samples = np.tile(io.read(clip).samples, 6)

    def made_of(name: str, *durations_s: float) -> str:
        clips = [samples[: round(s * RATE)] * np.float32(0.3 + 0.3 * i) for i, s in enumerate(durations_s)]
        return library.add([NewClip(audio=io.encode(Waveform(c, RATE), "flac")) for c in clips], name=name).id

    return made_of


def heard(engine: Engine, library: VoiceLibrary, voice: str) -> VoicePrompt:
    return PromptCache().get(engine, "x", library.get(voice)).prompt


def test_xtts_takes_the_mean_as_coqui_tts_does(xtts: Engine, library: VoiceLibrary, add: Callable[..., str]) -> None:
    """Speaker vectors of each recording are averaged; latents are of all put together, without the library's gaps."""
    voice = library.get(add("Ana", 2.5, 5.0))
    clips = [io.read(path) for path in voice.clips]
    both = heard(xtts, library, voice.id).state
    speakers = [xtts.encode_voice(clip).state.speaker for clip in clips]
    together = Waveform(np.concatenate([clip.samples for clip in clips]), RATE)
    torch.testing.assert_close(both.speaker, (speakers[0] + speakers[1]) / 2)
    torch.testing.assert_close(both.latents, xtts.encode_voice(together).state.latents)
    joined = xtts.encode_voice(io.read(voice.recording)).state
    assert not torch.allclose(both.speaker, joined.speaker) and not torch.allclose(both.latents, joined.latents)


def test_xtts_hears_recordings_that_the_joined_one_has_no_room_for(
    xtts: Engine, library: VoiceLibrary, add: Callable[..., str]
) -> None:
    """The language model listens to 30 s of all; the speaker vector is of each."""
    ana, rui = (library.get(add(name, *lengths)) for name, lengths in (("Ana", (29, 1.5)), ("Rui", (29, 1.5, 12))))
    assert ana.recording.read_bytes() == rui.recording.read_bytes(), "both have the first recording alone"
    cache = PromptCache()
    first, second = (cache.get(xtts, "x", voice).prompt.state for voice in (ana, rui))
    assert len(cache) == 2
    assert torch.equal(first.latents, second.latents) and not torch.allclose(first.speaker, second.speaker)


def test_other_engines_hear_them_joined(builtin: Engine, library: VoiceLibrary, add: Callable[..., str]) -> None:
    voice = library.get(add("Ana", 2.0, 3.0))
    assert heard(builtin, library, voice.id).ref_audio.duration_s == pytest.approx(2.0 + 0.3 + 3.0, abs=0.2)


def test_a_single_recording_is_not_told_twice(library: VoiceLibrary, add: Callable[..., str]) -> None:
    assert library.get(add("Ana", 4.0)).clips == ()
    assert [io.read(path).duration_s for path in library.get(add("Rui", 4.0, 2.0)).clips] == [4.0, 2.0]
