"""Voices by name: presets of the package, and folders under `<data_dir>/voices`, each with a recording and a card."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from locutor.errors import NotFoundError, OptionError

CARD_NAME = "voice.yaml"
PRESET, OWN, FILE, LIBRARY, SPEAKER = "preset", "own", "file", "library", "speaker"


class VoiceCard(BaseModel):
    """What is known of a voice. audio: the recording, beside the card. ref_text: what is said in it, word for word.

    language: of the recording. licence, origin: who may use it, and where it comes from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    audio: str
    ref_text: str | None = None
    language: str | None = None
    licence: str | None = None
    origin: str | None = None

    @field_validator("audio")
    @classmethod
    def _is_a_plain_name(cls, audio: str) -> str:
        if Path(audio).name != audio or audio in ("", ".", "..") or "\\" in audio:
            raise ValueError("must be the name of a file beside the card")
        return audio


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A voice to speak with.

    kind: "preset", "own" (a folder), "file" (given for one request), "library" (added through the studio) or "speaker"
    (comes with `model`, which knows it by its name; there is no recording of it).
    clips: its recordings apart where there are several, for engines that hear them so; ref_audio is of them joined.
    blend: voices with their weights, which sum to 1; the voice is then a mixture, and ref_audio is its heaviest part's.
    """

    id: str
    kind: str
    ref_audio: Path | None
    ref_text: str | None = None
    name: str = ""
    language: str | None = None
    licence: str | None = None
    clips: tuple[Path, ...] = ()
    blend: tuple[tuple["Voice", float], ...] = ()
    model: str | None = None

    @classmethod
    def from_file(cls, ref_audio: Path, ref_text: str | None = None) -> "Voice":
        """A recording that is no voice of the store; NotFoundError when there is no such file."""
        if not ref_audio.is_file():
            raise NotFoundError(f"the reference {ref_audio} is not a file")
        return cls(id=ref_audio.name, kind=FILE, ref_audio=ref_audio, ref_text=ref_text, name=ref_audio.stem)

    @property
    def recording(self) -> Path:
        """What engines listen to; NotFoundError for a speaker of a model."""
        if self.ref_audio is None:
            raise NotFoundError(f"voice {self.id!r} has no recording: it comes with model {self.model!r}")
        return self.ref_audio

    def check_model(self, model: str, requires: Sequence[str] = ()) -> None:
        """Raises OptionError for a speaker of a model that is neither this one nor one that it stands on."""
        if self.model is not None and self.model not in (model, *requires):
            raise OptionError(
                f"voice {self.id!r} comes with model {self.model!r} and cannot be used with model {model!r}; choose "
                f"model {self.model!r} or another voice"
            )


class VoiceStore:
    """Looks voices up; it writes nothing."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir / "voices"

    def list(self) -> list[Voice]:
        """Presets first, then own voices, each by name."""
        presets = list(self._presets())
        return [*presets, *self._own({voice.id for voice in presets})]

    def get(self, voice: str) -> Voice:
        """The voice of that id; NotFoundError names the nearest ones. An own voice may not hide a preset."""
        voices = {v.id: v for v in self.list()}
        if voice not in voices:
            near = get_close_matches(voice, voices, n=3) or sorted(voices)[:10]
            raise NotFoundError(f"no voice is called {voice!r}; near it: {', '.join(near)} (see: locutor voices list)")
        return voices[voice]

    def _presets(self) -> Iterator[Voice]:
        folder = Path(str(resources.files("locutor.voices") / "presets"))
        for card_path in sorted(folder.glob("*.yaml")):
            yield _read_voice(card_path.stem, PRESET, card_path)

    def _own(self, taken: set[str]) -> Iterator[Voice]:
        for card_path in sorted(self._dir.glob(f"*/{CARD_NAME}")):
            name = card_path.parent.name
            if name in taken:
                raise OptionError(f"the voice folder {card_path.parent} has the name of a preset; rename it")
            yield _read_voice(name, OWN, card_path)


def _read_voice(voice_id: str, kind: str, card_path: Path) -> Voice:
    card = _read_card(card_path, card_path.stat().st_mtime_ns)
    return Voice(
        id=voice_id,
        kind=kind,
        ref_audio=card_path.parent / card.audio,
        ref_text=card.ref_text,
        name=card.name,
        language=card.language,
        licence=card.licence,
    )


@lru_cache(maxsize=1024)
def _read_card(card_path: Path, _changed_at: int) -> VoiceCard:
    """Parsing takes milliseconds, and a service looks a voice up for every request."""
    try:
        return VoiceCard.model_validate(yaml.safe_load(card_path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OptionError(f"{card_path} is not valid YAML: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise OptionError(f"{card_path}: {'.'.join(map(str, problem['loc'])) or 'card'}: {problem['msg']}") from error
