"""Fifth step: can the texts be learned from? And, of a built dataset: is it whole?"""

import hashlib
import unicodedata
from dataclasses import dataclass

from locutor.datasets.dataset import Dataset
from locutor.datasets.edits import read_edits, read_metadata, wav_name
from locutor.datasets.filters import missing_text
from locutor.datasets.manifest import Clip, Problem, read_rows
from locutor.datasets.report import write_report
from locutor.datasets.watch import UNWATCHED, Watch
from locutor.text.languages import LANGUAGES
from locutor.types import check_range

_OTHER_SCRIPTS = frozenset({"ru", "ar", "zh-CN", "ja", "ko", "hi"})


@dataclass(frozen=True, kw_only=True)
class TextRules:
    """min_chars, max_chars: length of a clip's text."""

    min_chars: int = 3
    max_chars: int = 300

    def __post_init__(self) -> None:
        check_range("min_chars", self.min_chars, 1, 100)
        check_range("max_chars", self.max_chars, self.min_chars, 10_000)


def validate(dataset: Dataset, rules: TextRules | None = None, *, watch: Watch = UNWATCHED) -> list[Clip]:
    """Drop kept clips whose text is no text to learn from: too short or long, digits, letters of another script.

    A clip kept by hand stays if it has a text at all. Raises NotFoundError before filtering, CancelledError.
    """
    rules = rules or TextRules()
    by_hand = {clip_id for clip_id, edit in read_edits(dataset).items() if edit.keep}
    found = []
    for clip in watch.each("validate", dataset.clips("filter")):
        if clip.is_kept:
            is_by_hand = clip.id in by_hand
            problems = missing_text(clip) if is_by_hand else _problems(clip.text, dataset.language, rules)
            clip = clip.model_copy(update={"problems": tuple(problems)})
        found.append(clip)
    dataset.write_clips("validate", found)
    write_report(dataset, found)
    return found


def faults_of_build(dataset: Dataset) -> list[str]:
    """What is wrong with the files of a built dataset, in sentences: lists that disagree, sounds changed or missing.

    Raises NotFoundError when it was never built.
    """
    clips = {wav_name(clip.id): clip for clip in read_rows(dataset.manifest, Clip)}
    listed = {line.file: line.text for line in read_metadata(dataset)} if dataset.metadata.is_file() else {}
    faults = [f"metadata.csv names {name}, which the manifest does not know" for name in sorted(listed.keys() - clips)]
    for name, clip in clips.items():
        path = dataset.folder / name
        if listed.get(name) != clip.text:
            faults.append(f"metadata.csv says otherwise than the manifest of {name}; build to take it over")
        if not path.is_file():
            faults.append(f"{name} is gone")
        elif sound_hash(path.read_bytes()) != clip.sha256:
            faults.append(f"{name} is not the sound that was built")
    return faults


def sound_hash(wav: bytes) -> str:
    """SHA-256 of a WAV file."""
    return hashlib.sha256(wav).hexdigest()


def _problems(text: str, language: str, rules: TextRules) -> list[Problem]:
    found = []
    if len(text) < rules.min_chars:
        found.append(_problem(2.0, f"the text has {len(text)} characters, at least {rules.min_chars} are needed"))
    if len(text) > rules.max_chars:
        found.append(_problem(1.0, f"the text has {len(text)} characters, at most {rules.max_chars} are allowed"))
    foreign = sorted({char for char in text if _is_foreign(char, language)})
    if foreign:
        name = LANGUAGES[language].name
        found.append(_problem(5.0, f"the text has characters that are not read in {name}: {' '.join(foreign)}"))
    return found


def _problem(severity: float, sentence: str) -> Problem:
    return Problem(check="characters", severity=severity, sentence=sentence)


def _is_foreign(char: str, language: str) -> bool:
    """Digits that nobody read out, and letters of another script in a language written in Latin ones."""
    if char.isdigit():
        return True
    return char.isalpha() and language not in _OTHER_SCRIPTS and "LATIN" not in unicodedata.name(char, "")
