import pytest

from locutor.analysis.asr import Transcript
from locutor.errors import TextError
from locutor.evaluation.intelligibility import Intelligibility, all_wrong, score

pytest.importorskip("jiwer")


def heard(text: str, is_loop: bool = False) -> Transcript:
    return Transcript(text, "en", (), is_loop)


def test_counts_the_errors() -> None:
    result = score("The cat sat on the mat.", heard("the cat sit on mat"), "en")
    assert (result.word_errors, result.n_words, result.char_errors, result.n_chars) == (2, 6, 5, 22)
    assert (result.wer, result.cer) == (pytest.approx(2 / 6), pytest.approx(5 / 22))


@pytest.mark.parametrize(
    ("expected", "transcript", "language"),
    [
        ("Good morning!", "good morning", "en"),
        ("A well-known trick.", "A well known trick", "en"),
        ("We don't know.", "we don\u2019t know", "en"),
        ("We sold 350 tickets.", "We sold three hundred and fifty tickets", "en"),
        ("It leaves at 7:45.", "it leaves at 7.45.", "en"),
        ("It costs $49.90.", "it costs $49.90", "en"),
        ("Vendemos 21 casas.", "vendemos vinte e uma casas", "pt-BR"),
        ("O guarda-chuva é meu?", "O guarda chuva é meu", "pt-BR"),
    ],
)
def test_the_same_words_in_another_spelling(expected: str, transcript: str, language: str) -> None:
    assert score(expected, heard(transcript), language).wer == 0


def test_accents_matter() -> None:
    assert score("O avô.", heard("O avó"), "pt-BR").wer == 0.5


@pytest.mark.parametrize("transcript", ["", " ", "...", "\u266a"])
def test_nothing_heard_is_all_wrong(transcript: str) -> None:
    result = score("The cat sat.", heard(transcript), "en")
    assert (result.wer, result.cer) == (1, 1)
    assert (all_wrong("The cat sat.", "en").wer, all_wrong("The cat sat.", "en").cer) == (1, 1)


def test_insertions_pass_one_and_loops_are_kept() -> None:
    result = score("Yes.", heard("yes yes yes yes", is_loop=True), "en")
    assert result.wer == 3 and result.is_loop


def test_no_word_to_listen_for() -> None:
    with pytest.raises(TextError, match="no word to listen for"):
        score("...", heard("well"), "en")


def test_rates() -> None:
    assert Intelligibility("", 1, 4, 1, 10).wer == 0.25
