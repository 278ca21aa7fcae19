"""The voice library: voices added with recordings of their own, beside presets and voice folders."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from locutor.audio import io
from locutor.errors import ConflictError, NotFoundError, OptionError, TextError
from locutor.storage.artefacts import ArtefactStore, Staged
from locutor.storage.database import Database, now
from locutor.storage.memo import Memo
from locutor.types import Waveform
from locutor.voices.aliases import VOICE_ALIASES, aliased
from locutor.voices.doctor import MAX_CLIP_S, DoctorReport, SpeechSeconds, check_voice, examine
from locutor.voices.joined import chosen, joined_reference, joined_transcript
from locutor.voices.record import Consent, VoiceClipRow, VoiceRecord, VoiceRow
from locutor.voices.speakers import ModelSpeakers
from locutor.voices.store import LIBRARY, SPEAKER, Voice, VoiceStore
from locutor.voices.uses import UseCounts

MAX_CLIPS = 10
MAX_NAME, MAX_DESCRIPTION, MAX_TRANSCRIPT = 80, 2000, 2000
PERMISSIONS = ("own", "granted", "synthetic", "licensed")

WriteDown = Callable[[Waveform, str | None], str]
"""Transcribe a recording; the language is None where it is not known."""


@dataclass(frozen=True, kw_only=True)
class NewClip:
    """A recording to make a voice of. audio: a file on this disk, or its bytes. transcript: word for word."""

    audio: bytes | Path
    transcript: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewVoice:
    """A voice that was examined and staged, and waits to be put into the library by `insert`."""

    id: str
    name: str
    description: str
    language: str | None
    licence: str | None
    consent: Consent | None
    clips: tuple[tuple[Staged, str | None, DoctorReport], ...]
    reference: Staged
    ref_text: str | None
    report: DoctorReport

    @property
    def staged(self) -> list[Staged]:
        """Its files, each once."""
        return list({s.id: s for s in (self.reference, *(staged for staged, _, _ in self.clips))}.values())


class VoiceLibrary:
    """Every voice one can speak with. speech_seconds, write_down: models that listen, where they are installed.
    speakers: the voices that models bring along."""

    def __init__(
        self,
        database: Database,
        artefacts: ArtefactStore,
        folders: VoiceStore,
        speech_seconds: SpeechSeconds | None = None,
        write_down: WriteDown | None = None,
        *,
        speakers: ModelSpeakers | None = None,
    ) -> None:
        self._database, self.artefacts, self._folders = database, artefacts, folders
        self._speakers = speakers
        self._speech_seconds, self._write_down = speech_seconds, write_down
        self._found: Memo[str, VoiceRecord | None] = Memo(database, self._find)
        self._uses = UseCounts(database)

    def list(self) -> list[Voice]:
        """Presets, voice folders, the library by name, then the speakers of models."""
        library = [self._voice(record) for record in self.records()]
        return [*self._folders.list(), *library, *self.speakers()]

    def speakers(self) -> Sequence[Voice]:
        """Voices that installed models bring along."""
        return self._speakers.list() if self._speakers else []

    def get(self, voice: str) -> Voice:
        """The voice of that id, of that name in the library, that one of OpenAI's names stands for, or the speaker of
        that name that a model brings along.

        NotFoundError names the nearest ones, OptionError the models when several have a speaker of that name.
        """
        found = self._found.get(voice)
        if found is not None:
            return self._voice(found)
        known = {v.id: v for v in self._folders.list()}
        if voice in known:
            return known[voice]
        if voice in VOICE_ALIASES:
            return aliased(list(known.values()))[voice]
        speakers = self.speakers()
        named = [speaker for speaker in speakers if voice in (speaker.id, speaker.name)]
        if len(named) > 1:
            raise OptionError(f"several models have a speaker {voice!r}; name one of {', '.join(v.id for v in named)}")
        if named:
            return named[0]
        records = self.records()
        names = [*known, *(r.name for r in records), *(r.id for r in records), *(v.id for v in speakers)]
        names += [v.name for v in speakers]
        near = get_close_matches(voice, names, n=3) or names[:10]
        raise NotFoundError(f"no voice is called {voice!r}; near it: {', '.join(near)} (see: locutor voices list)")

    def records(self) -> Sequence[VoiceRecord]:
        """The library, by name; two queries, however many voices."""
        clips: defaultdict[str, list[VoiceClipRow]] = defaultdict(list)
        with self._database.read() as session:
            for clip in session.scalars(select(VoiceClipRow).order_by(VoiceClipRow.position)):
                clips[clip.voice_id].append(clip)
            rows = session.scalars(select(VoiceRow).order_by(VoiceRow.name))
            return [VoiceRecord.of(row, clips[row.id]) for row in rows]

    def record(self, voice: str) -> VoiceRecord:
        """The library's voice of that id or name; NotFoundError for presets and folders too."""
        with self._database.read() as session:
            return _record(session, _row(session, voice))

    def add(
        self,
        clips: Sequence[NewClip],
        *,
        name: str,
        description: str = "",
        language: str | None = None,
        licence: str | None = None,
        consent: Consent | None = None,
        transcribe: bool = False,
        ref_text: str | None = None,
    ) -> VoiceRecord:
        """Examine recordings and make a voice of them; see `prepare` for what can go wrong."""
        new = self.prepare(
            clips, name=name, description=description, language=language, licence=licence, consent=consent,
            transcribe=transcribe, ref_text=ref_text,
        )  # fmt: skip
        with self._database.write() as session:
            return self.insert(session, new)

    def prepare(
        self,
        clips: Sequence[NewClip],
        *,
        name: str,
        description: str = "",
        language: str | None = None,
        licence: str | None = None,
        consent: Consent | None = None,
        transcribe: bool = False,
        ref_text: str | None = None,
    ) -> NewVoice:
        """All but the last step of `add`: read, examine, transcribe where asked, and stage.

        ref_text: what is said in all that will be listened to, where it is not what the clips' transcripts give.
        Raises AudioError (see doctor.examine; together they must last 3 s), OptionError for a wrong name, permission or
        number of clips, TextError for a transcript that is too long, ConflictError for a name that is taken,
        MissingExtraError to transcribe without the extra.
        """
        name = self._free_name(name)
        _check_texts(description, consent, len(clips))
        heard = [io.read(c.audio, MAX_CLIP_S) if isinstance(c.audio, Path) else io.decode(c.audio, max_s=MAX_CLIP_S)
                 for c in clips]  # fmt: skip
        reports = [examine(waveform, self._speech_seconds) for waveform in heard]
        check_voice(reports)
        texts = [self._transcript(c, w, language, transcribe) for c, w in zip(clips, heard, strict=True)]
        durations_s = [report.duration_s for report in reports]
        given = joined_transcript(durations_s, texts) if ref_text is None else _checked_transcript(ref_text)
        parts = chosen(durations_s)
        reference = joined_reference([heard[i] for i in parts])
        staged = [self._stage(w, f"{name}-{i + 1}") for i, w in enumerate(heard)]
        return NewVoice(
            id=f"voice_{secrets.token_hex(8)}", name=name, description=description.strip(), language=language,
            licence=licence, consent=consent, clips=tuple(zip(staged, texts, reports, strict=True)),
            reference=staged[parts[0]] if len(parts) == 1 else self._stage(reference, name), ref_text=given,
            report=reports[parts[0]] if len(parts) == 1 else examine(reference, self._speech_seconds),
        )  # fmt: skip

    def insert(self, session: Session, new: NewVoice) -> VoiceRecord:
        """Put a prepared voice into the library, in the caller's transaction."""
        at, owner = now(), _files_of(new.id)
        for staged in new.staged:
            self.artefacts.commit(session, staged, owner)
        row = VoiceRow(
            id=new.id, name=new.name, description=new.description, language=new.language, licence=new.licence,
            reference=new.reference.id, ref_text=new.ref_text,
            ref_text_sha256=None if new.ref_text is None else new.reference.sha256, report=new.report.to_json(),
            consent=None if new.consent is None else new.consent.to_json(), created_at=at, updated_at=at,
            usage_count=0,
        )  # fmt: skip
        session.add(row)
        session.flush()
        for position, (staged, transcript, report) in enumerate(new.clips):
            session.add(VoiceClipRow(
                artefact=staged.id, voice_id=new.id, position=position, audio_sha256=staged.sha256,
                transcript=transcript, report=report.to_json(),
            ))  # fmt: skip
        session.flush()
        return _record(session, row)

    def examine(self, waveform: Waveform) -> DoctorReport:
        """What the doctor says of a recording; raises AudioError as doctor.examine."""
        return examine(waveform, self._speech_seconds)

    def blend(self, parts: Sequence[tuple[str, float]], *, name: str, description: str = "") -> VoiceRecord:
        """A mixture of 2 to 5 recorded voices, by id or name with their weights (scaled to sum to 1).

        Raises NotFoundError for an unknown voice, OptionError for a wrong number, a weight that is not above 0, a
        voice named twice, or a part that is a blend itself.
        """
        voices = [(self.get(voice), weight) for voice, weight in parts]
        _check_blend(voices)
        total = sum(weight for _, weight in voices)
        at = now()
        row = VoiceRow(
            id=f"voice_{secrets.token_hex(8)}", name=self._free_name(name), description=description.strip(),
            blend=[{"voice": voice.id, "weight": weight / total} for voice, weight in voices],
            created_at=at, updated_at=at, usage_count=0,
        )  # fmt: skip
        with self._database.write() as session:
            session.add(row)
            session.flush()
            return _record(session, row)

    def update(
        self,
        voice: str,
        *,
        name: str | None = None,
        description: str | None = None,
        language: str | None = None,
        ref_text: str | None = None,
        consent: Consent | None = None,
    ) -> VoiceRecord:
        """Change what is given. A transcript is of the reference as it is now, and of the clip where that is all."""
        if name is not None and name.strip() != self.record(voice).name:
            name = self._free_name(name)
        _check_texts(description or "", consent, 1)
        with self._database.write() as session:
            row = _row(session, voice)
            row.name = row.name if name is None else name.strip()
            row.description = row.description if description is None else description.strip()
            row.language = row.language if language is None else language
            row.consent = row.consent if consent is None else consent.to_json()
            if ref_text is not None and row.reference is not None:
                row.ref_text = _checked_transcript(ref_text)
                row.ref_text_sha256 = self.artefacts.get(row.reference).sha256
                clips = _clips(session, row)
                if len(clips) == 1:
                    clips[0].transcript = row.ref_text or None
            row.updated_at = now()
            session.flush()
            return _record(session, row)

    def remove(self, voice: str) -> VoiceRecord:
        """Delete a voice of the library with its recordings; ConflictError while a blend needs it."""
        with self._database.write() as session:
            row = _row(session, voice)
            record = _record(session, row)
            for other in session.scalars(select(VoiceRow).where(VoiceRow.blend.is_not(None))):
                if any(part["voice"] == row.id for part in other.blend or ()):
                    raise ConflictError(f"voice {record.name!r} is part of the blend {other.name!r}; remove that first")
            for clip in _clips(session, row):
                session.delete(clip)
            session.delete(row)
            session.flush()
            ids = self.artefacts.drop(session, _files_of(row.id))
        self.artefacts.erase(ids)
        return record

    def used(self, voice_ids: Sequence[str]) -> None:
        """Count a use of each voice of the library, to be seen a second later; other ids are not counted."""
        self._uses.add(voice_ids)

    def close(self) -> None:
        """Write down the uses that were not yet."""
        self._uses.close()

    def _find(self, voice: str) -> VoiceRecord | None:
        with self._database.read() as session:
            row = session.scalar(select(VoiceRow).where(or_(VoiceRow.id == voice, VoiceRow.name == voice)))
            return None if row is None else _record(session, row)

    def _voice(self, found: VoiceRecord) -> Voice:
        if found.blend:
            parts = tuple((self.get(part["voice"]), float(part["weight"])) for part in found.blend)
            heaviest = max(parts, key=lambda part: part[1])[0]
            return replace(heaviest, id=found.id, kind=LIBRARY, name=found.name, blend=parts)
        assert found.reference is not None
        clips = [self.artefacts.place(clip.artefact) for clip in found.clips]
        return Voice(
            id=found.id, kind=LIBRARY, ref_audio=self.artefacts.place(found.reference), ref_text=found.ref_text,
            name=found.name, language=found.language, licence=found.licence,
            clips=tuple(clips) if len(clips) > 1 else (),
        )  # fmt: skip

    def _free_name(self, name: str) -> str:
        name = name.strip()
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or any(c in name for c in "[]:"):
            raise OptionError(
                f"a voice's name must have 1 to {MAX_NAME} printable characters other than [ ] :, not {name[:100]!r}"
            )
        taken = {*(r.name for r in self.records()), *(v.id for v in self._folders.list())}
        taken |= {v.name for v in self.speakers()}
        if name.casefold() in {other.casefold() for other in taken}:
            raise ConflictError(f"a voice is called {name!r} already")
        return name

    def _transcript(self, clip: NewClip, waveform: Waveform, language: str | None, transcribe: bool) -> str | None:
        if clip.transcript is not None and clip.transcript.strip():
            return _checked_transcript(clip.transcript)
        if not transcribe:
            return None
        if self._write_down is None:
            raise OptionError("nothing here can write down what is said; give the transcript")
        return self._write_down(waveform, language).strip() or None

    def _stage(self, waveform: Waveform, name: str) -> Staged:
        return self.artefacts.stage(io.encode(waveform, "flac"), filename=f"{name}.flac", media_type="audio/flac")


def _files_of(voice_id: str) -> str:
    return f"voice:{voice_id}"


def _row(session: Session, voice: str) -> VoiceRow:
    row = session.get(VoiceRow, voice) or session.scalar(select(VoiceRow).where(VoiceRow.name == voice))
    if row is None:
        raise NotFoundError(f"the library has no voice {voice!r}")
    return row


def _record(session: Session, row: VoiceRow) -> VoiceRecord:
    return VoiceRecord.of(row, _clips(session, row))


def _clips(session: Session, row: VoiceRow) -> list[VoiceClipRow]:
    query = select(VoiceClipRow).where(VoiceClipRow.voice_id == row.id).order_by(VoiceClipRow.position)
    return list(session.scalars(query))


def _check_texts(description: str, consent: Consent | None, n_clips: int) -> None:
    if len(description) > MAX_DESCRIPTION:
        raise OptionError(f"a description has at most {MAX_DESCRIPTION} characters, not {len(description)}")
    if consent is not None and consent.permission not in PERMISSIONS:
        raise OptionError(f"permission must be one of {', '.join(PERMISSIONS)}, not {consent.permission!r}")
    if not 1 <= n_clips <= MAX_CLIPS:
        raise OptionError(f"a voice is made of 1 to {MAX_CLIPS} recordings, not {n_clips}")


def _checked_transcript(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MAX_TRANSCRIPT:
        raise TextError(f"a transcript has at most {MAX_TRANSCRIPT} characters, not {len(text)}")
    return text


def _check_blend(parts: Sequence[tuple[Voice, float]]) -> None:
    if not 2 <= len(parts) <= 5:
        raise OptionError(f"a blend is made of 2 to 5 voices, not {len(parts)}")
    for voice, weight in parts:
        if voice.blend:
            raise OptionError(f"{voice.name or voice.id} is a blend itself; name the voices it is made of")
        if voice.kind == SPEAKER:
            raise OptionError(f"{voice.id} is a speaker of a model; only recorded voices can be mixed")
        if not 0 < weight < float(np.inf):
            raise OptionError(f"the weight of {voice.name or voice.id} must be above 0, not {weight:g}")
    if len({voice.id for voice, _ in parts}) < len(parts):
        raise OptionError("a blend names each voice once")
