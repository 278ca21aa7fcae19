"""The models that judge speech, as far as they are installed."""

from collections.abc import Callable
from typing import TypeVar

from locutor.errors import MissingExtraError
from locutor.evaluation.evaluate import Listeners

_T = TypeVar("_T")


def load(on_missing: Callable[[MissingExtraError], object]) -> Listeners:
    """Raises MissingExtraError without a recogniser; what else is missing is left out, and on_missing told."""
    from locutor.analysis.asr import WhisperTranscriber
    from locutor.analysis.mos import DistillMos
    from locutor.analysis.speaker import LstmSpeakerEncoder

    def if_installed(make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except MissingExtraError as error:
            on_missing(error)
            return None

    return Listeners(WhisperTranscriber(), if_installed(LstmSpeakerEncoder), if_installed(DistillMos))
