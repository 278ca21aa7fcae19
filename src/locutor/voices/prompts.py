"""Voice prompts, computed once per engine, checkpoint and voice."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from locutor.audio import io
from locutor.audio.reference import MAX_S, check_reference
from locutor.engines.base import BlendsVoices, Engine, HasSpeakers, HearsClips, VoicePrompt
from locutor.errors import OptionError
from locutor.voices.store import SPEAKER, Voice

_Heard: TypeAlias = tuple[tuple[tuple[str, ...], str | None, float], ...]
_Key: TypeAlias = tuple[str, str, _Heard]


@dataclass(frozen=True)
class PreparedVoice:
    """warnings: full sentences on what in the recording will be heard in the clone."""

    prompt: VoicePrompt
    warnings: tuple[str, ...]


class PromptCache:
    """The last `capacity` voices that were used; safe to share between threads.

    A voice is its recordings' bytes and its transcript, so an edited recording is prepared again.
    """

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = capacity
        self._prepared: OrderedDict[_Key, PreparedVoice] = OrderedDict()
        self._lock = threading.Lock()
        self.n_hits = self.n_misses = 0

    def get(self, engine: Engine, checkpoint_sha256: str, voice: Voice) -> PreparedVoice:
        """Raises NotFoundError without the recording, AudioError for one that cannot be cloned, TextError where the
        engine needs a transcript and there is none, OptionError for a blend where the engine cannot mix voices and for
        a speaker of another model."""
        key = (engine.info.name, checkpoint_sha256, _heard(voice))
        with self._lock:
            if key in self._prepared:
                self.n_hits += 1
            else:
                self.n_misses += 1
                self._prepared[key] = _prepared(engine, voice)
            self._prepared.move_to_end(key)
            if len(self._prepared) > self._capacity:
                self._prepared.popitem(last=False)
            return self._prepared[key]

    def __len__(self) -> int:
        return len(self._prepared)


def _heard(voice: Voice) -> _Heard:
    if voice.kind == SPEAKER:
        return (((voice.id,), None, 1.0),)
    parts = voice.blend or ((voice, 1.0),)
    return tuple((tuple(map(_digest, (part.recording, *part.clips))), part.ref_text, weight) for part, weight in parts)


def _prepared(engine: Engine, voice: Voice) -> PreparedVoice:
    if voice.kind == SPEAKER:
        return _studio(engine, voice)
    return _blended(engine, voice) if voice.blend else _prepare(engine, voice)


def _studio(engine: Engine, voice: Voice) -> PreparedVoice:
    if not isinstance(engine, HasSpeakers):
        raise OptionError(
            f"voice {voice.id!r} comes with model {voice.model!r}, and engine {engine.info.name!r} cannot speak as it"
        )
    return PreparedVoice(engine.studio_voice(voice.name), ())


def _prepare(engine: Engine, voice: Voice) -> PreparedVoice:
    waveform = io.read(voice.recording, max_s=MAX_S)
    report = check_reference(waveform)
    if voice.clips and isinstance(engine, HearsClips):
        prompt = engine.encode_clips([io.read(clip, max_s=MAX_S) for clip in voice.clips])
    else:
        prompt = engine.encode_voice(waveform, voice.ref_text)
    return PreparedVoice(prompt, report.warnings)


def _blended(engine: Engine, voice: Voice) -> PreparedVoice:
    if not isinstance(engine, BlendsVoices):
        raise OptionError(f"engine {engine.info.name!r} cannot blend voices, so it cannot speak as {voice.name!r}")
    parts = [_prepare(engine, part) for part, _ in voice.blend]
    prompt = engine.blend([part.prompt for part in parts], [weight for _, weight in voice.blend])
    return PreparedVoice(prompt, tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)))


def _digest(path: Path) -> str:
    """Of a recording, which is looked into again only when the file has changed."""
    try:
        now = path.stat()
    except OSError:
        io.probe(path)  # says in one sentence what is wrong with it
        raise
    return _digest_of(path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@lru_cache(maxsize=1024)
def _digest_of(path: Path, *_changes: int) -> str:
    io.probe(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
