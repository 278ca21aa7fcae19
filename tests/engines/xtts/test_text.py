"""What XTTS is asked to read: long texts are cut by tokens, other scripts and endless numbers do no harm."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from locutor.engines.base import Utterance, synthesize
from locutor.engines.xtts.cleaning import clean
from locutor.engines.xtts.engine import XttsEngine
from locutor.engines.xtts.length import CHAR_LIMITS
from locutor.engines.xtts.scripts import foreign_script
from locutor.engines.xtts.tokens import XttsTokenizer, tidy
from locutor.errors import OptionError, TextError
from locutor.text.languages import LANGUAGES
from locutor.types import SpeechRequest, SynthesisOptions

GREETINGS = {
    "en": "good morning", "pt-BR": "bom dia, coração", "ru": "доброе утро", "ar": "صباح الخير", "hi": "शुभ प्रभात",
    "zh-CN": "早上好", "ja": "おはよう、カメラ、今日", "ko": "좋은 아침", "tr": "günaydın", "cs": "dobré ráno",
}  # fmt: skip
OPTIONS = SynthesisOptions(seed=1)


@pytest.fixture
def engine(kit: ModuleType, tmp_path: Path) -> XttsEngine:
    built: XttsEngine = kit.tiny_engine(tmp_path)
    return built


def prepared(engine: XttsEngine, kit: ModuleType, text: str, language: str = "en") -> Utterance:
    voice = engine.encode_voice(kit.reference(1.5))
    return engine.prepare(SpeechRequest(text=text, language=language, options=OPTIONS), voice)


def test_every_language_is_known_with_its_own_script() -> None:
    assert set(CHAR_LIMITS) == set(LANGUAGES)
    assert all(foreign_script(text, language) is None for language, text in GREETINGS.items())


@pytest.mark.parametrize(
    ("text", "language", "script"),
    [("привет", "en", "Cyrillic"), ("早上好", "pt-BR", "Cjk"), ("שלום", "ar", "Hebrew"), ("γειά", "ru", "Greek")],
)
def test_another_script_is_refused(kit: ModuleType, tmp_path: Path, text: str, language: str, script: str) -> None:
    assert foreign_script(text, language) == script
    assert foreign_script(f"{text}, or so they say in town", language) is None, "a foreign word may be quoted"


def test_a_text_in_another_script_is_told_so(engine: XttsEngine, kit: ModuleType) -> None:
    with pytest.raises(TextError, match="XTTS cannot read 'Привет, мир' as en: most of it is in Cyrillic letters"):
        prepared(engine, kit, "Привет, мир")
    with pytest.raises(TextError, match="3 of its 4 signs are not in the vocabulary"):
        prepared(engine, kit, "ñøłe")


def test_languages_without_a_token_are_refused(kit: ModuleType, tmp_path: Path) -> None:
    tokenizer: XttsTokenizer = kit.tiny_tokenizer(tmp_path)
    with pytest.raises(OptionError, match="does not speak fr: its vocabulary has no token"):
        tokenizer.encode("bonjour", "fr")


@pytest.mark.parametrize("text", ["...", "-", "“”", "  "])
def test_nothing_to_speak(engine: XttsEngine, kit: ModuleType, text: str) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        prepared(engine, kit, text)


def test_marks_that_would_be_read_out_are_left_out() -> None:
    assert tidy("“Well” , he said ...  (twice) ! !") == "Well, he said. twice!"
    assert tidy("- yes —") == "yes"


@pytest.mark.slow
def test_a_long_text_is_cut_so_that_no_part_has_too_many_tokens(engine: XttsEngine, kit: ModuleType) -> None:
    text = "the other one is here and there, and so it ends. " * 6
    utterance = prepared(engine, kit, text)
    parts = utterance.state.parts
    assert len(parts) > 3
    assert all(len(part.tokens) < kit.tiny_config().max_text_tokens for part in parts)
    tokenizer: XttsTokenizer = engine._tokenizer
    whole = tokenizer.encode(utterance.text, "en")
    space = tokenizer._tokenizer.token_to_id("[SPACE]")
    language = whole[0]
    kept = [i for part in parts for i in part.tokens if i not in (space, language)]
    assert kept == [i for i in whole if i not in (space, language)], "no word is lost"
    spoken = synthesize(engine, [utterance], OPTIONS)[0]
    alone = [synthesize(engine, [_only(utterance, i)], OPTIONS)[0] for i in range(1)]
    assert spoken.duration_s > alone[0].duration_s
    np.testing.assert_allclose(spoken.samples[: alone[0].n_samples], alone[0].samples, atol=1e-5)


def _only(utterance: Utterance, part: int) -> Utterance:
    state = utterance.state
    one = type(state)(parts=(state.parts[part],), voice=state.voice, options=state.options, speed=state.speed)
    return Utterance(text="x", n_frames=1, seed=utterance.seed, state=one)


@pytest.mark.parametrize("language", ["en", "it", "pl", "tr", "ru", "cs", "ar", "hu", "hi", "ko", "pt-BR"])
def test_no_number_breaks_the_cleaning(language: str) -> None:
    if language == "ko":
        pytest.importorskip("ko_speech_tools")
    for n in (16, 20, 60, 400):
        digits = "9" * n
        for text in (digits, f"${digits}", f"{digits}€", f"1,{digits}", f"{digits},5", f"{digits}th", f"{digits}."):
            assert clean(text, language).strip()
