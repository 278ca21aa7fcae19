"""Voices as the service speaks them, judged by a speaker encoder: each is its own, and a blend lies between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from locutor.analysis.speaker import Embedding, LstmSpeakerEncoder, similarity
from locutor.audio import io
from locutor.bootstrap import speech_backend
from locutor.serving.backend import SpeechCall
from locutor.serving.service import SpeechService
from locutor.settings import Settings
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import Voice

CLIPS = Path(__file__).parents[1] / "clips"
LOW, HIGH = "voice_00", "voice_02"  # a low and a high voice: 85 and 255 Hz
TEXT = "The old lighthouse keeper waved at us from the rocks, and then he walked back to the house."

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechService]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), device="cpu")
    service = speech_backend(settings, in_process=True)
    yield service
    service.close()


@pytest.fixture(scope="module")
def encoder() -> LstmSpeakerEncoder:
    return LstmSpeakerEncoder()


@pytest.fixture(scope="module")
def references(encoder: LstmSpeakerEncoder) -> dict[str, Embedding]:
    return {name: encoder.embed(io.read(CLIPS / f"{name}.ogg")) for name in (LOW, HIGH)}


def voice(name: str) -> Voice:
    return Voice(id=name, kind="own", ref_audio=CLIPS / f"{name}.ogg", name=name)


def spoken(service: SpeechService, as_voice: Voice, encoder: LstmSpeakerEncoder) -> Embedding:
    request = SpeechRequest(text=TEXT, language="en", options=SynthesisOptions(seed=1))
    return encoder.embed(service.speak(SpeechCall.of(request, as_voice)).waveform)


def test_two_voices_saying_one_text_are_each_nearer_to_their_own(
    service: SpeechService, encoder: LstmSpeakerEncoder, references: dict[str, Embedding]
) -> None:
    for own, other in ((LOW, HIGH), (HIGH, LOW)):
        said = spoken(service, voice(own), encoder)
        assert similarity(said, references[own]) - similarity(said, references[other]) >= 0.1


def test_a_blend_lies_between_its_voices(
    service: SpeechService, encoder: LstmSpeakerEncoder, references: dict[str, Embedding]
) -> None:
    def lean(as_voice: Voice) -> float:
        """How much nearer it is to the low voice than to the high one."""
        said = spoken(service, as_voice, encoder)
        return similarity(said, references[LOW]) - similarity(said, references[HIGH])

    blended = Voice(
        id="mix", kind="library", ref_audio=CLIPS / f"{LOW}.ogg", blend=((voice(LOW), 0.5), (voice(HIGH), 0.5))
    )
    assert lean(voice(HIGH)) < lean(blended) < lean(voice(LOW))
