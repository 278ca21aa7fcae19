"""The voice library: examined, named, kept, changed, blended, removed."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, event

from locutor.audio import io
from locutor.errors import AudioError, ConflictError, NotFoundError, OptionError, TextError
from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database
from locutor.types import Waveform
from locutor.voices.doctor import examine
from locutor.voices.library import NewClip, VoiceLibrary
from locutor.voices.record import Consent
from locutor.voices.store import VoiceStore


def speech(clip: Path, duration_s: float, gain: float = 1.0, noise: float = 0.0) -> bytes:
    heard = io.read(clip)
    samples = np.tile(heard.samples, 9)[: round(duration_s * heard.sample_rate)] * gain
    samples = samples + noise * np.random.default_rng(0).standard_normal(samples.size).astype(np.float32)
    return io.encode(Waveform(np.clip(samples, -1, 1).astype(np.float32), heard.sample_rate), "wav")


def test_a_voice_of_one_recording(library: VoiceLibrary, clip: Path, artefacts: ArtefactStore) -> None:
    consent = Consent(permission="synthetic", given_by="the tests", confirmed_at=1.0)
    made = library.add(
        [NewClip(audio=clip, transcript="Use the  toolbar.")], name=" Ana ", language="en", consent=consent
    )
    assert (made.name, made.ref_text, made.language, made.consent) == ("Ana", "Use the toolbar.", "en", consent)
    assert made.report is not None and made.report["duration_s"] == pytest.approx(8.849, abs=0.01)
    assert made.report["speech_by"] == "energy" and 0.5 < made.report["speech_ratio"] <= 1
    assert [c.artefact for c in made.clips] == [made.reference]
    voice = library.get("Ana")
    assert voice == library.get(made.id) and voice.kind == "library" and voice.ref_text == "Use the toolbar."
    assert io.read(voice.ref_audio).duration_s == pytest.approx(8.849, abs=0.01)
    assert [v.id for v in library.list()] == ["default", made.id]
    library.used([made.id, "default"])
    library.close()
    assert library.record("Ana").usage_count == 1 and library.record("Ana").last_used_at is not None


def test_several_recordings_make_one_reference(library: VoiceLibrary, clip: Path) -> None:
    clips = [NewClip(audio=speech(clip, 2.0), transcript="one"), NewClip(audio=clip, transcript="two")]
    made = library.add(clips, name="Ana")
    assert len(made.clips) == 2 and made.reference not in [c.artefact for c in made.clips]
    assert made.duration_s == pytest.approx(2.0 + 0.3 + 8.849, abs=0.01) and made.ref_text == "one two"
    assert library.add([clips[0], NewClip(audio=clip)], name="Rui").ref_text is None, "half a transcript is none"


def test_what_is_too_long_together_is_kept_and_not_listened_to(library: VoiceLibrary, clip: Path) -> None:
    made = library.add(
        [NewClip(audio=speech(clip, 20)), NewClip(audio=speech(clip, 15)), NewClip(audio=clip)], name="A"
    )
    assert len(made.clips) == 3 and made.duration_s == pytest.approx(29.15, abs=0.01)


@pytest.mark.parametrize(
    ("duration_s", "gain", "noise", "said"),
    [
        (2.0, 1, 0, r"last 2\.0 s together; a voice needs at least 3 s"),
        (0.5, 1, 0, r"lasts 0\.50 s; at least 1 s"),
        (61, 1, 0, "longer than 60 s"),
        (5, 0, 0, "is silent"),
        (5, 100, 0, "is clipped; at most 10%"),
        (5, 0.02, 0.1, r"above the noise; at least 3 dB"),
    ],
)
def test_the_doctor_refuses_with_numbers(
    library: VoiceLibrary, clip: Path, duration_s: float, gain: float, noise: float, said: str, tmp_path: Path
) -> None:
    with pytest.raises(AudioError, match=said):
        library.add([NewClip(audio=speech(clip, duration_s, gain, noise))], name="Ana")
    assert library.records() == [] and list((tmp_path / "artefacts").iterdir()) == []


def test_the_doctor_warns_with_numbers(clip: Path) -> None:
    noisy = examine(io.decode(speech(clip, 4.0, 0.1, 0.004)))
    assert any("dB above the noise" in warning for warning in noisy.warnings)
    assert any("s of speech; 5 to 12 s" in warning for warning in noisy.warnings)
    assert examine(io.read(clip)).warnings == ()


def test_speech_is_what_the_listening_model_says(clip: Path) -> None:
    report = examine(io.read(clip), lambda waveform: 3.0)
    assert report.speech_by == "silero" and report.speech_s == pytest.approx(3.0)
    with pytest.raises(AudioError, match="only 10% of the recording's 8.8 s is speech"):
        examine(io.read(clip), lambda waveform: 0.9)


def test_transcripts_by_a_model(tmp_path: Path, database: Database, artefacts: ArtefactStore, clip: Path) -> None:
    writing = VoiceLibrary(
        database, artefacts, VoiceStore(tmp_path), None, lambda waveform, language: f"in {language} "
    )
    assert writing.add([NewClip(audio=clip)], name="Ana", language="en", transcribe=True).ref_text == "in en"
    assert writing.add([NewClip(audio=clip, transcript="mine")], name="Rui", transcribe=True).ref_text == "mine"
    plain = VoiceLibrary(database, artefacts, VoiceStore(tmp_path))
    with pytest.raises(OptionError, match="nothing here can write down"):
        plain.add([NewClip(audio=clip)], name="Zoe", transcribe=True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a]b", "a:b", "a\nb", "a\x00b"])
def test_names_that_cannot_be(library: VoiceLibrary, clip: Path, name: str) -> None:
    with pytest.raises(OptionError, match="a voice's name must have"):
        library.add([NewClip(audio=clip)], name=name)


def test_names_that_are_taken(library: VoiceLibrary, clip: Path) -> None:
    library.add([NewClip(audio=clip)], name="Zoë 🎙")
    for name in ("zoË 🎙", "Default"):
        with pytest.raises(ConflictError, match="is called"):
            library.add([NewClip(audio=clip)], name=name)


def test_other_mistakes(library: VoiceLibrary, clip: Path) -> None:
    with pytest.raises(OptionError, match="1 to 10 recordings, not 0"):
        library.add([], name="Ana")
    with pytest.raises(OptionError, match="permission must be one of own"):
        library.add([NewClip(audio=clip)], name="Ana", consent=Consent(permission="x", given_by="", confirmed_at=0))
    with pytest.raises(TextError, match="at most 2000 characters"):
        library.add([NewClip(audio=clip, transcript="x" * 2001)], name="Ana")
    with pytest.raises(NotFoundError, match="no voice is called 'defualt'; near it: default"):
        library.get("defualt")
    with pytest.raises(AudioError):
        library.add([NewClip(audio=b"no audio at all")], name="Ana")


def test_changing(library: VoiceLibrary, clip: Path) -> None:
    made = library.add([NewClip(audio=clip)], name="Ana")
    changed = library.update(made.id, name="Maria", description="warm", language="pt-BR", ref_text="olá  mundo")
    assert (changed.name, changed.description, changed.language) == ("Maria", "warm", "pt-BR")
    assert changed.ref_text == "olá mundo" and library.get("Maria").ref_text == "olá mundo"
    assert changed.clips[0].transcript == "olá mundo"
    assert library.update("Maria", name="Maria").name == "Maria"


def test_changing_the_transcript_of_several_recordings_leaves_theirs(library: VoiceLibrary, clip: Path) -> None:
    library.add([NewClip(audio=clip, transcript="one"), NewClip(audio=clip, transcript="two")], name="Ana")
    changed = library.update("Ana", ref_text="one, and two")
    assert changed.ref_text == "one, and two" and [c.transcript for c in changed.clips] == ["one", "two"]


def test_joining_noisy_recordings_makes_them_no_cleaner(library: VoiceLibrary, clip: Path) -> None:
    noisy = io.decode(speech(clip, 10, 0.3, 0.008))
    rate = noisy.sample_rate
    parts = [Waveform(noisy.samples[i * 2 * rate : (i + 1) * 2 * rate], rate) for i in range(5)]
    made = library.add([NewClip(audio=io.encode(part, "wav")) for part in parts], name="Ana")
    alone = [c.report["snr_db"] for c in made.clips]
    assert made.report is not None and max(alone) < 15
    assert min(alone) - 1 < made.report["snr_db"] < max(alone) + 2
    assert any("noisy" in warning for warning in made.warnings)


@pytest.mark.parametrize("offset", [0.01, 0.03])
def test_an_offset_makes_no_voice_noisy(library: VoiceLibrary, clip: Path, offset: float) -> None:
    heard = io.read(clip)
    moved = io.encode(Waveform(heard.samples * 0.2 + offset, heard.sample_rate), "wav")
    made = library.add([NewClip(audio=moved)], name="Ana")
    assert made.report is not None and made.report["snr_db"] > 40


def test_removing(library: VoiceLibrary, clip: Path, artefacts: ArtefactStore) -> None:
    made = library.add([NewClip(audio=clip), NewClip(audio=clip)], name="Ana")
    path = library.get("Ana").ref_audio
    library.remove("Ana")
    assert not path.exists() and artefacts.n_bytes() == 0 and artefacts.owned_by(f"voice:{made.id}") == []
    with pytest.raises(NotFoundError, match="the library has no voice 'Ana'"):
        library.remove("Ana")
    with pytest.raises(NotFoundError):
        library.remove("default")


def test_the_library_is_read_in_two_queries(library: VoiceLibrary, clip: Path, database: Database) -> None:
    for name, n_clips in (("Bea", 1), ("Ana", 2), ("Cora", 1)):
        library.add([NewClip(audio=clip)] * n_clips, name=name)
    asked: list[str] = []
    listen = (Engine, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement))
    event.listen(*listen)
    try:
        records = library.records()
    finally:
        event.remove(*listen)
    assert [(record.name, len(record.clips)) for record in records] == [("Ana", 2), ("Bea", 1), ("Cora", 1)]
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 2


def test_blends(library: VoiceLibrary, clip: Path) -> None:
    ana = library.add([NewClip(audio=clip)], name="Ana")
    made = library.blend([("Ana", 3), ("default", 1)], name="Mix")
    assert made.blend == ({"voice": ana.id, "weight": 0.75}, {"voice": "default", "weight": 0.25})
    voice = library.get("Mix")
    assert [(part.id, weight) for part, weight in voice.blend] == [(ana.id, 0.75), ("default", 0.25)]
    assert voice.ref_audio == library.get("Ana").ref_audio
    with pytest.raises(ConflictError, match="part of the blend 'Mix'"):
        library.remove("Ana")
    for parts, said in (
        ([("Ana", 1.0)], "2 to 5 voices, not 1"),
        ([("Ana", 1.0), ("Ana", 1.0)], "names each voice once"),
        ([("Ana", 1.0), ("default", 0.0)], "must be above 0"),
        ([("Ana", 1.0), ("Mix", 1.0)], "is a blend itself"),
    ):
        with pytest.raises(OptionError, match=said):
            library.blend(parts, name="Other")
    library.remove("Mix")
    library.remove("Ana")
