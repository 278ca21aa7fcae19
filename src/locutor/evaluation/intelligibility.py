"""Are the words right? Word and character error rates between the text and what a recogniser heard.

Both sides are brought to one form: numbers and abbreviations as words, case and punctuation gone, hyphens as spaces.
Not covered: spellings with one sound ("river bank", "riverbank") count as errors, so prefer the CER for small sets.
"""

import re
import unicodedata
from dataclasses import dataclass

from locutor.analysis.asr import Transcript
from locutor.errors import MissingExtraError, TextError

# A recogniser writes "at 7.45" for a quarter to eight; amounts of money and percentages are left alone.
_CLOCK = re.compile(r"(?<![\d$€£.,])(\d{1,2})\.([0-5]\d)(?![\d%])")


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


def comparable(text: str, language: str) -> str:
    """The form in which texts are compared: words in lower case with single spaces, "" for none. Accents stay."""
    from locutor.text.normalize import normalize

    text = _CLOCK.sub(r"\1:\2", text)
    try:
        text = normalize(text, language)
    except TextError:  # nothing but signs, as a recogniser writes for music
        return ""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"['\u2019]", "", text)  # "don't" and "dont" sound alike
    return " ".join(re.findall(r"[^\W_]+", text))


def _expected(text: str, language: str) -> str:
    truth = comparable(text, language)
    if not truth:
        raise TextError(f"there is no word to listen for in {text!r}")
    return truth
