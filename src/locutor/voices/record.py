"""A voice of the library as it is stored: its clips, what the doctor found, who agreed to it."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from locutor.storage.database import Base


class VoiceRow(Base):
    """A voice. reference: the artefact that engines listen to, None for a blend of other voices."""

    __tablename__ = "voices"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str]
    language: Mapped[str | None]
    licence: Mapped[str | None]
    reference: Mapped[str | None] = mapped_column(ForeignKey("artefacts.id"))
    ref_text: Mapped[str | None]
    ref_text_sha256: Mapped[str | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    consent: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    blend: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[float]
    updated_at: Mapped[float]
    last_used_at: Mapped[float | None]
    usage_count: Mapped[int]


class VoiceClipRow(Base):
    """One recording of a voice, in the order in which they were given."""

    __tablename__ = "voice_clips"

    artefact: Mapped[str] = mapped_column(ForeignKey("artefacts.id"), primary_key=True)
    voice_id: Mapped[str] = mapped_column(ForeignKey("voices.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    audio_sha256: Mapped[str]
    transcript: Mapped[str | None]
    report: Mapped[dict[str, Any]] = mapped_column(JSON)


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Who may use the voice. permission: "own" (the speaker is the user), "granted" (the speaker agreed),
    "synthetic" (nobody's voice) or "licensed". given_by: who confirmed it; confirmed_at: Unix time in seconds."""

    permission: str
    given_by: str
    confirmed_at: float
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class VoiceClip:
    """artefact: the recording, FLAC. report: what the doctor measured (DoctorReport as JSON)."""

    artefact: str
    audio_sha256: str
    transcript: str | None
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class VoiceRecord:
    """A voice of the library. blend: [{"voice": id, "weight": w}, ...], empty for a recorded voice.

    reference: artefact that engines hear. warnings: the doctor's, full sentences. Times: Unix times in seconds.
    """

    id: str
    name: str
    description: str
    language: str | None
    licence: str | None
    reference: str | None
    ref_text: str | None
    report: dict[str, Any] | None
    consent: Consent | None
    blend: tuple[dict[str, Any], ...]
    clips: tuple[VoiceClip, ...]
    created_at: float
    updated_at: float
    last_used_at: float | None
    usage_count: int

    @property
    def duration_s(self) -> float | None:
        return None if self.report is None else float(self.report["duration_s"])

    @property
    def warnings(self) -> tuple[str, ...]:
        return () if self.report is None else tuple(self.report["warnings"])

    @classmethod
    def of(cls, row: VoiceRow, clips: list[VoiceClipRow]) -> "VoiceRecord":
        same = (
            "id name description language licence reference ref_text report created_at updated_at last_used_at "
            "usage_count"
        )
        return cls(
            **{name: getattr(row, name) for name in same.split()},
            consent=None if row.consent is None else Consent(**row.consent),
            blend=tuple(row.blend or ()),
            clips=tuple(
                VoiceClip(artefact=c.artefact, audio_sha256=c.audio_sha256, transcript=c.transcript, report=c.report)
                for c in clips
            ),
        )
