"""The models that judge speech, as far as they are installed."""

from collections.abc import Callable
from typing import TypeVar

from locutor.errors import MissingExtraError
from locutor.evaluation.evaluate import Listeners

_T = TypeVar("_T")


def load(on_missing: Callable[[MissingExtraError], object], n_threads: int = 0) -> Listeners:
    """What is not installed is left out, and on_missing told. n_threads: of the recogniser, 0 for its own choice."""
    from locutor.analysis.asr import WhisperTranscriber
    from locutor.analysis.mos import DistillMos
    from locutor.analysis.speaker import LstmSpeakerEncoder

    def if_installed(make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except MissingExtraError as error:
            on_missing(error)
            return None

    transcriber = if_installed(lambda: WhisperTranscriber(n_threads=n_threads))
    return Listeners(transcriber, if_installed(LstmSpeakerEncoder), if_installed(DistillMos))
