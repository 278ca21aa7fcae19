"""How well two texts agree."""

from locutor.errors import MissingExtraError
from locutor.text.comparable import comparable


def cer(given: str, heard: str, language: str) -> float:
    """Character error rate of what was heard against the given text, spelling and punctuation aside; may pass 1.

    1 when the given text has no word. Raises MissingExtraError without jiwer.
    """
    try:
        import jiwer
    except ModuleNotFoundError as error:
        raise MissingExtraError("jiwer", "asr") from error
    truth = comparable(given, language)
    return float(jiwer.cer(truth, comparable(heard, language))) if truth else 1.0
