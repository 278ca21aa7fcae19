"""Are the words right? Word and character error rates between the text and what a recogniser heard.

Both sides are brought to one form: numbers and abbreviations as words, case and punctuation gone, hyphens as spaces.
Not covered: spellings with one sound ("river bank", "riverbank") count as errors, so prefer the CER for small sets.
"""

from dataclasses import dataclass

from locutor.analysis.asr import Transcript
from locutor.errors import MissingExtraError, TextError
from locutor.text.comparable import comparable


@dataclass(frozen=True)
class Intelligibility:
    """Errors (substitutions, deletions, insertions) against the expected text. Rates may pass 1 by insertions."""

    heard: str
    word_errors: int
    n_words: int
    char_errors: int
    n_chars: int
    is_loop: bool = False

    @property
    def wer(self) -> float:
        return self.word_errors / self.n_words

    @property
    def cer(self) -> float:
        return self.char_errors / self.n_chars


def score(expected: str, transcript: Transcript, language: str) -> Intelligibility:
    """Compare; TextError when the expected text holds no word, MissingExtraError without jiwer."""
    try:
        import jiwer
    except ModuleNotFoundError as error:
        raise MissingExtraError("jiwer", "asr") from error
    truth, heard = _expected(expected, language), comparable(transcript.text, language)
    words, chars = jiwer.process_words(truth, heard), jiwer.process_characters(truth, heard)
    return Intelligibility(
        heard=transcript.text,
        word_errors=words.substitutions + words.deletions + words.insertions,
        n_words=len(truth.split()),
        char_errors=chars.substitutions + chars.deletions + chars.insertions,
        n_chars=len(truth),
        is_loop=transcript.is_loop,
    )


def all_wrong(expected: str, language: str) -> Intelligibility:
    """WER = CER = 1: what missing, empty or broken audio counts, lest a broken synthesizer improve its mean."""
    truth = _expected(expected, language)
    n_words, n_chars = len(truth.split()), len(truth)
    return Intelligibility("", n_words, n_words, n_chars, n_chars)


def _expected(text: str, language: str) -> str:
    truth = comparable(text, language)
    if not truth:
        raise TextError(f"there is no word to listen for in {text!r}")
    return truth
