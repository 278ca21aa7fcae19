"""Voices that a model brings along: listed, found by id and by name, spoken with that model alone."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from locutor.engines.base import Engine, synthesize
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.registry import default_registry
from locutor.errors import NotFoundError, OptionError
from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.library import NewClip, VoiceLibrary
from locutor.voices.prompts import PromptCache
from locutor.voices.speakers import ModelSpeakers
from locutor.voices.store import Voice, VoiceStore

ANA, BEN = "tiny-xtts:Ana Florence", "tiny-xtts:Ben"
Install = Callable[..., str]


@pytest.fixture
def speaking(tmp_path: Path, database: Database, artefacts: ArtefactStore, install_xtts: Install) -> VoiceLibrary:
    """A library beside a small XTTS-v2 with two speakers."""
    install_xtts(tmp_path, "tiny-xtts", ("Ana Florence", "Ben"))
    speakers = ModelSpeakers(CheckpointStore(tmp_path))
    return VoiceLibrary(database, artefacts, VoiceStore(tmp_path), speakers=speakers)


def test_they_come_last_and_are_found_by_id_and_name(speaking: VoiceLibrary) -> None:
    ana, ben = speaking.list()[-2:]
    assert (ana.id, ana.name, ana.kind, ana.model, ana.licence) == (ANA, "Ana Florence", "speaker", "tiny-xtts", "CPML")
    assert speaking.get(ANA) == speaking.get("Ana Florence") == ana != ben
    with pytest.raises(NotFoundError, match="no voice is called 'Ana Florenc'; near it: Ana Florence"):
        speaking.get("Ana Florenc")


def test_a_name_that_several_models_know_must_be_told_apart(
    speaking: VoiceLibrary, install_xtts: Install, tmp_path: Path
) -> None:
    install_xtts(tmp_path, "other", ("Ben",))
    with pytest.raises(OptionError, match="several models have a speaker 'Ben'; name one of other:Ben, tiny-xtts:Ben"):
        speaking.get("Ben")
    assert speaking.get(BEN).model == "tiny-xtts"


def test_a_voice_may_not_take_a_speakers_name(speaking: VoiceLibrary, clip: Path) -> None:
    with pytest.raises(Exception, match="a voice is called 'ben' already"):
        speaking.add([NewClip(audio=clip)], name="ben")


def test_they_have_no_recording_to_hear_or_mix(speaking: VoiceLibrary) -> None:
    with pytest.raises(NotFoundError, match=f"voice '{ANA}' has no recording: it comes with model 'tiny-xtts'"):
        _ = speaking.get(ANA).recording
    with pytest.raises(OptionError, match=f"{ANA} is a speaker of a model; only recorded voices can be mixed"):
        speaking.blend([(ANA, 1), ("default", 1)], name="both")


def test_they_fit_their_model_and_what_is_built_on_it(speaking: VoiceLibrary) -> None:
    ana = speaking.get(ANA)
    ana.check_model("tiny-xtts")
    ana.check_model("an-adapter", ("tiny-xtts",))
    speaking.get("default").check_model("any")
    with pytest.raises(OptionError, match="comes with model 'tiny-xtts' and cannot be used with model 'builtin'"):
        ana.check_model("builtin")


@pytest.mark.parametrize("content", [b"", b"no pickle", {"Ana": torch.zeros(3)}])
def test_a_damaged_file_leaves_the_other_voices(
    speaking: VoiceLibrary, tmp_path: Path, content: object, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "models" / "tiny-xtts" / "speakers_xtts.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with caplog.at_level(logging.WARNING, "locutor"):
        assert [voice.kind for voice in speaking.list()] == ["preset"] * len(speaking.list())
    assert "the speakers of model tiny-xtts are left out: " in caplog.text


def test_nothing_is_listed_for_a_model_that_is_not_whole(speaking: VoiceLibrary, tmp_path: Path) -> None:
    (tmp_path / "models" / "tiny-xtts" / "vocab.json").unlink()
    assert not speaking.speakers()


def test_each_speaks_in_a_voice_of_its_own(speaking: VoiceLibrary, tmp_path: Path) -> None:
    checkpoint = CheckpointStore(tmp_path).locate("tiny-xtts")
    engine, cache = default_registry().load(checkpoint, "cpu"), PromptCache()
    options = SynthesisOptions(seed=1)
    request = SpeechRequest(text="hello there", language="en", options=options)

    def spoken(voice: Voice) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        utterance = engine.prepare(request, cache.get(engine, checkpoint.sha256, voice).prompt)
        return synthesize(engine, [utterance], options)[0].samples

    ana, ben = (spoken(speaking.get(voice)) for voice in (ANA, BEN))
    assert len(ana) > 1000 and not np.array_equal(ana[:1000], ben[:1000])
    assert np.array_equal(ana, spoken(speaking.get(ANA))) and len(cache) == 2
    stranger = Voice(id="x:Eve", kind="speaker", ref_audio=None, name="Eve", model="x")
    with pytest.raises(NotFoundError, match="this model has no speaker 'Eve'; it has Ana Florence, Ben"):
        cache.get(engine, checkpoint.sha256, stranger)


def test_other_engines_have_none(speaking: VoiceLibrary, builtin: Engine) -> None:
    with pytest.raises(OptionError, match=f"voice '{ANA}' comes with model 'tiny-xtts', and engine 'builtin' cannot"):
        PromptCache().get(builtin, "x", speaking.get(ANA))
