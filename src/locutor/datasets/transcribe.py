"""Third step: what is said in each clip."""

from collections.abc import Callable

from locutor.analysis.asr import Transcriber, Transcript
from locutor.datasets.dataset import Dataset
from locutor.datasets.edits import read_edits
from locutor.datasets.filters import Limits, sound_problems, speaker_problems
from locutor.datasets.manifest import Clip, Heard, SpokenWord
from locutor.datasets.memo import Memo, key_of
from locutor.datasets.score import cer
from locutor.datasets.sound import clip_sound
from locutor.datasets.watch import UNWATCHED, Watch
from locutor.errors import LocutorError, MissingExtraError, StorageError

_VERSION = 1


def transcribe(
    dataset: Dataset,
    transcriber: Transcriber,
    limits: Limits | None = None,
    *,
    model: str = "whisper-base",
    watch: Watch = UNWATCHED,
) -> list[Clip]:
    """Listen to every clip whose sound and voice are within the limits; the others are dropped whatever they say.

    A clip kept by hand is not dropped and is listened to as well, unless its text was written by hand too. With a
    given text the character error rate tells how well it agrees. model: names the transcriber; clips that it has heard
    are not heard again. Raises NotFoundError before segmenting, CancelledError.
    """
    limits = limits or Limits()
    clips = dataset.clips("segment")
    by_hand = {clip_id for clip_id, edit in read_edits(dataset).items() if edit.keep and edit.text is None}
    wanted = [c for c in clips if c.error is None and (c.id in by_hand or not _is_hopeless(c, limits))]
    heard: dict[str, Clip] = {}
    with Memo(dataset.work("transcribe.memo.jsonl"), Heard) as memo:
        for clip in watch.each("transcribe", wanted):
            key = key_of("transcribe", _VERSION, clip.id, dataset.language, model)
            heard[clip.id] = _heard_or_error(
                clip, dataset.language, memo, key, lambda c: _listen(dataset, c, transcriber)
            )
        for clip in clips:  # a memo forgets what nobody asks for; limits may be loosened again
            memo.get(key_of("transcribe", _VERSION, clip.id, dataset.language, model))
    found = [heard.get(clip.id, clip) for clip in clips]
    dataset.write_clips("transcribe", found)
    return found


def _is_hopeless(clip: Clip, limits: Limits) -> bool:
    return bool(sound_problems(clip, limits) or speaker_problems(clip, limits))


def _heard_or_error(clip: Clip, language: str, memo: Memo[Heard], key: str, listen: Callable[[Clip], Heard]) -> Clip:
    known = memo.get(key)
    try:
        found = known[0] if known else listen(clip)
    except (MissingExtraError, StorageError):
        raise
    except LocutorError as error:
        return clip.model_copy(update={"error": str(error)})
    if known is None:
        memo.put(key, [found])
    rate = cer(clip.given, found.text, language) if clip.given is not None else None
    return clip.model_copy(update={"heard": found.model_copy(update={"cer": rate})})


def _listen(dataset: Dataset, clip: Clip, transcriber: Transcriber) -> Heard:
    return _heard(transcriber.transcribe(clip_sound(dataset, clip), dataset.language))


def _heard(transcript: Transcript) -> Heard:
    words = tuple(
        SpokenWord(start_s=w.start_s, end_s=w.end_s, text=w.text, probability=w.probability)
        for segment in transcript.segments
        for w in segment.words
    )
    return Heard(text=transcript.text, language=transcript.language, words=words, is_loop=transcript.is_loop)
