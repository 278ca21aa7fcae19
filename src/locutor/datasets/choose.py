"""Fourth step: final texts, and which clips stay."""

from locutor.datasets.dataset import Dataset
from locutor.datasets.edits import Edit, collect_edits, read_edits
from locutor.datasets.filters import (
    HOPELESS,
    Limits,
    missing_text,
    pace_problems,
    sound_problems,
    speaker_problems,
    text_problems,
)
from locutor.datasets.manifest import Clip, Problem
from locutor.datasets.report import write_report
from locutor.datasets.watch import UNWATCHED, Watch
from locutor.errors import TextError
from locutor.text.languages import LANGUAGES
from locutor.text.normalize import normalize


def filter_clips(dataset: Dataset, limits: Limits | None = None, *, watch: Watch = UNWATCHED) -> list[Clip]:
    """Give every clip its text, and say what is wrong with those that are not good enough; the report has them all.

    The text is, in this order: what somebody wrote by hand, what the source says, what was heard; numbers and
    abbreviations as words where the language has a normaliser. Raises NotFoundError before transcribing,
    CancelledError.
    """
    limits = limits or Limits()
    collect_edits(dataset)
    edits = read_edits(dataset)
    found = []
    for clip in watch.each("filter", dataset.clips("transcribe")):
        edit = edits.get(clip.id)
        found.append(_judged(_edited(clip, edit, dataset.language), edit, limits))
    dataset.write_clips("filter", found)
    write_report(dataset, found)
    return found


def _edited(clip: Clip, edit: Edit | None, language: str) -> Clip:
    by_hand = edit.text if edit else None
    heard = clip.heard.text if clip.heard else ""
    text = next((text for text in (by_hand, clip.given) if text is not None), heard)
    return clip.model_copy(update={"text": spoken_text(text, language), "edited": by_hand is not None})


def spoken_text(text: str, language: str) -> str:
    """The text in the form in which it is learned, on one line; "" when there is no word in it."""
    if LANGUAGES[language].has_normalizer:
        try:
            text = normalize(text, language)
        except TextError:
            return ""
    return " ".join(text.replace("|", ",").split())


def _judged(clip: Clip, edit: Edit | None, limits: Limits) -> Clip:
    keep = edit.keep if edit else None
    if keep is False:
        problems = [Problem(check="by hand", severity=HOPELESS, sentence="it was taken out by hand")]
    elif keep is True:
        problems = missing_text(clip)
    else:
        # Bad sound makes a voice unlike itself, and clips with either were not transcribed.
        problems = (
            sound_problems(clip, limits)
            or speaker_problems(clip, limits)
            or [*text_problems(clip, limits), *pace_problems(clip, limits)]
        )
    return clip.model_copy(update={"problems": tuple(problems)})
