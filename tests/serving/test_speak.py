"""From a request to audio and recipe, on an engine that shows what it was asked for."""

from typing import Any

import numpy as np
import pytest

from locutor.audio.edit import join
from locutor.errors import EngineError, NotFoundError, OptionError, TextError
from locutor.serving.longform import chunk_seed
from locutor.serving.speak import LocalSpeech
from locutor.text.lexicon import Lexicon
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import Voice

LONG = " ".join(f"This is the sentence with the word {w}." for w in "one two three four five six seven".split())


def request_for(text: str, language: str = "en", normalize: bool = True, **options: Any) -> SpeechRequest:
    options.setdefault("seed", 7)
    return SpeechRequest(text=text, language=language, normalize=normalize, options=SynthesisOptions(**options))


def test_speaks_and_says_how(speech: LocalSpeech, voice: Voice) -> None:
    done = speech.speak(request_for("I have 2 cats."), voice)
    recipe = done.recipe
    assert recipe.spoken == "I have two cats." and recipe.text == "I have 2 cats."
    assert (recipe.model, recipe.engine, recipe.checkpoint_sha256) == ("tones", "tone", "f" * 64)
    assert (recipe.voice, recipe.language, recipe.licence) == ("ref.wav", "en", "CC0-1.0")
    assert recipe.options["seed"] == 7 and recipe.n_chunks == 1
    assert recipe.duration_s == done.waveform.duration_s == 100 * len(recipe.spoken) / 8000
    assert recipe.rtf == pytest.approx(recipe.elapsed_s / recipe.duration_s)


def test_a_drawn_seed_is_in_the_recipe_and_repeats_the_speech(speech: LocalSpeech, voice: Voice) -> None:
    first = speech.speak(request_for("Hello.", seed=None), voice)
    again = speech.speak(request_for("Hello.", seed=first.recipe.options["seed"]), voice)
    other = speech.speak(request_for("Hello.", seed=None), voice)
    assert np.array_equal(first.waveform.samples, again.waveform.samples)
    assert first.recipe.options["seed"] != other.recipe.options["seed"]


def test_seed_zero_is_a_seed(speech: LocalSpeech, voice: Voice) -> None:
    assert speech.speak(request_for("Hello.", seed=0), voice).recipe.options["seed"] == 0


def test_long_texts_run_in_batches_and_are_cross_faded(speech: LocalSpeech, engine: Any, voice: Voice) -> None:
    done = speech.speak(request_for(LONG, cross_fade_s=0.05), voice)
    assert [len(batch) for batch in engine.batches] == [3, 3, 1]
    assert [text for batch in engine.batches for text in batch] == [r.text for r in engine.requests]
    assert [r.options.seed for r in engine.requests] == [chunk_seed(7, i) for i in range(7)]
    assert " ".join(r.text for r in engine.requests) == LONG
    n_samples = sum(100 * len(r.text) for r in engine.requests) - 6 * 400
    assert done.waveform.n_samples == n_samples and done.recipe.n_chunks == 7


def test_chunks_do_not_depend_on_the_batch_they_are_in(speech: LocalSpeech, voice: Voice, engine: Any) -> None:
    whole = speech.speak(request_for(LONG, cross_fade_s=0.0), voice).waveform
    alone = []
    for index, request in enumerate(list(engine.requests)):
        utterance = engine.prepare(request_for(request.text, seed=chunk_seed(7, index)), None)
        session = engine.open_session(SynthesisOptions())
        session.admit(utterance)
        alone.append(next(e.waveform for _ in range(2) for e in session.step() if hasattr(e, "waveform")))
    assert np.array_equal(whole.samples, join(alone).samples)


def test_streaming_gives_the_same_samples(speech: LocalSpeech, voice: Voice, engine: Any) -> None:
    whole = speech.speak(request_for(LONG), voice).waveform.samples
    engine.batches.clear()
    stream = speech.stream(request_for(LONG), voice)
    first = next(stream)
    assert len(engine.batches) == 1
    assert np.array_equal(np.concatenate([first.samples, *(w.samples for w in stream)]), whole)


def test_ten_thousand_characters(speech: LocalSpeech, voice: Voice, engine: Any) -> None:
    text = (LONG + " ") * 40
    assert len(text) > 10_000
    done = speech.speak(request_for(text), voice)
    assert max(len(batch) for batch in engine.batches) == 3
    assert done.waveform.duration_s > 90


def test_progress_counts_chunks(speech: LocalSpeech, voice: Voice) -> None:
    seen: list[tuple[int, int]] = []
    speech.speak(request_for(LONG), voice, lambda done, total: seen.append((done, total)))
    assert seen == [(i, 7) for i in range(8)]


def test_remove_silence_is_done_here_and_not_by_the_engine(speech: LocalSpeech, voice: Voice, engine: Any) -> None:
    """The tone engine is silent for 3 s where it reads "pause"; 1 s of that stays."""
    long = speech.speak(request_for("Hello pause there."), voice).waveform
    short = speech.speak(request_for("Hello pause there.", remove_silence=True), voice).waveform
    assert long.duration_s - short.duration_s == pytest.approx(2.0, abs=0.05)
    assert not engine.requests[-1].options.remove_silence


def test_a_fixed_duration_holds_for_the_whole(speech: LocalSpeech, voice: Voice) -> None:
    done = speech.speak(request_for(LONG, fix_duration_s=9.0), voice)
    assert done.recipe.duration_s == pytest.approx(9.0, abs=0.01)


def test_the_lexicon_is_applied_once(speech: LocalSpeech, voice: Voice) -> None:
    lexicon = Lexicon.parse("GIF = jif")
    words = LocalSpeech(engine=speech.engine, checkpoint=speech.checkpoint, device="cpu", lexicon=lexicon)
    assert words.speak(request_for("A GIF."), voice).recipe.spoken == "A jif."
    assert words.speak(request_for("A GIF 2.", normalize=False), voice).recipe.spoken == "A jif 2."


@pytest.mark.parametrize("text", ["", "   ", "...", "—", "😀"])
@pytest.mark.parametrize("normalize", [True, False])
def test_nothing_to_speak(speech: LocalSpeech, voice: Voice, text: str, normalize: bool) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        speech.speak(request_for(text, normalize=normalize), voice)


def test_a_row_of_dashes_between_paragraphs_is_not_spoken(speech: LocalSpeech, voice: Voice, engine: Any) -> None:
    speech.speak(request_for("One.\n\n- - -\n\nTwo.", normalize=False), voice)
    assert [r.text for r in engine.requests] == ["One.", "Two."]


def test_languages(speech: LocalSpeech, voice: Voice) -> None:
    assert speech.speak(request_for("Tenho 2 gatos.", "pt"), voice).recipe.spoken == "Tenho dois gatos."
    with pytest.raises(OptionError, match="unknown language 'klingon'"):
        speech.speak(request_for("Hello.", "klingon"), voice)
    with pytest.raises(OptionError, match="model 'tones' does not speak ko; it speaks en, pt-BR, it"):
        speech.speak(request_for("Hello.", "ko"), voice)
    with pytest.raises(OptionError, match="cannot be read out in it yet.*--no-normalize"):
        speech.speak(request_for("Ho 2 gatti.", "it"), voice)
    assert speech.speak(request_for("Ho due gatti.", "it", normalize=False), voice).waveform.n_samples


def test_the_voice_is_encoded_once(speech: LocalSpeech, voice: Voice, engine: Any) -> None:
    for _ in range(3):
        speech.speak(request_for("Hello."), voice)
    list(speech.stream(request_for("Hello."), voice))
    assert engine.encoded == 1


def test_an_engine_error_ends_the_speech(speech: LocalSpeech, voice: Voice) -> None:
    with pytest.raises(EngineError, match="cannot say"):
        speech.speak(request_for("Please FAIL now.", normalize=False), voice)


def test_a_missing_recording(speech: LocalSpeech, voice: Voice) -> None:
    voice.ref_audio.unlink()
    with pytest.raises(NotFoundError, match="no audio file .*ref.wav"):
        speech.speak(request_for("Hello."), voice)


def test_close(speech: LocalSpeech, engine: Any) -> None:
    speech.close()
    assert engine.closed
