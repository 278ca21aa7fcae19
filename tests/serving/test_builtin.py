"""The built-in model and the default voice, as `locutor say` uses them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from locutor.audio.level import level_dbfs
from locutor.bootstrap import local_speech, voice_store
from locutor.engines.base import Engine
from locutor.engines.checkpoints import CheckpointStore
from locutor.serving.speak import LocalSpeech
from locutor.settings import Settings
from locutor.text.lexicon import Lexicon
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import Voice

TEXTS = {"en": "I have 2 cats.", "pt-BR": "Tenho 2 gatos."}


@pytest.fixture
def spoken(builtin: Engine, tmp_path: Path) -> LocalSpeech:
    checkpoint = CheckpointStore(tmp_path).locate("builtin")
    return LocalSpeech(engine=builtin, checkpoint=checkpoint, device="cpu")


@pytest.fixture
def default(tmp_path: Path) -> Voice:
    return voice_store(Settings(data_dir=tmp_path)).get("default")


def request(language: str, **options: float) -> SpeechRequest:
    chosen = SynthesisOptions(seed=1, **options)  # type: ignore[arg-type]
    return SpeechRequest(text=TEXTS[language], language=language, options=chosen)


@pytest.mark.parametrize("language", TEXTS)
def test_speaks_both_languages(spoken: LocalSpeech, default: Voice, language: str) -> None:
    speech = spoken.speak(request(language), default)
    assert 0.4 < speech.waveform.duration_s < 6 and level_dbfs(speech.waveform) > -45
    assert speech.recipe.commercial_use and speech.recipe.licence == "Apache-2.0"
    assert any(char.isalpha() for char in speech.recipe.spoken) and "2" not in speech.recipe.spoken


def test_a_seed_repeats_and_streaming_gives_the_same(spoken: LocalSpeech, default: Voice) -> None:
    first = spoken.speak(request("en"), default).waveform.samples
    again = spoken.speak(request("en"), default).waveform.samples
    streamed = np.concatenate([piece.samples for piece in spoken.stream(request("en"), default)])
    assert np.array_equal(first, again) and np.array_equal(first, streamed)


def test_a_fixed_duration_holds(spoken: LocalSpeech, default: Voice) -> None:
    speech = spoken.speak(request("en", fix_duration_s=3.0), default)
    assert speech.recipe.duration_s == pytest.approx(3.0, abs=0.1)


def test_phonemes_of_a_lexicon_are_spoken(spoken: LocalSpeech, default: Voice) -> None:
    asked = SpeechRequest(text="Locutor.", language="en", options=SynthesisOptions(seed=1))
    by_letters = spoken.speak(asked, default)
    spelled = Lexicon.parse("Locutor = /bˈʌɾɚflˌaɪ/")
    by_phonemes = replace(spoken, lexicon=spelled).speak(asked, default)
    butterfly = spoken.speak(replace(asked, text="Butterfly."), default)
    assert by_phonemes.recipe.spoken == "/bˈʌɾɚflˌaɪ/."
    assert np.array_equal(by_phonemes.waveform.samples, butterfly.waveform.samples)
    assert by_letters.waveform.n_samples != butterfly.waveform.n_samples


def test_the_card_and_the_engine_agree(spoken: LocalSpeech) -> None:
    card, info = spoken.checkpoint.card, spoken.engine.info
    assert set(card.languages) == set(info.languages)
    assert (card.licence, card.commercial_use) == (info.licence, info.commercial_use)


def test_settings_alone_make_it_speak(builtin: Engine, default: Voice, tmp_path: Path) -> None:
    speech = local_speech(Settings(data_dir=tmp_path, device="cpu"))
    assert speech.speak(request("en"), default).waveform.n_samples > 0
    speech.close()
