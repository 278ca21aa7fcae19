"""Real speech, silero VAD and Whisper: the whole way."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from locutor.audio import io
from locutor.audio.edit import join, pad
from locutor.audio.resample import resample
from locutor.datasets import (
    Dataset,
    DatasetStore,
    Listeners,
    import_recordings,
    load_listeners,
    make,
    read_report,
    segment,
)
from locutor.datasets.edits import read_metadata
from locutor.datasets.score import cer
from locutor.types import Waveform

VOICES = Path(__file__).parents[1] / "clips"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("faster_whisper") is None, reason="the extra asr is not installed"),
]


@pytest.fixture(scope="module")
def listeners() -> Listeners:
    return load_listeners(n_threads=1, compare_voices=False)


def spoken(name: str) -> tuple[Waveform, str]:
    about = json.loads((VOICES / "voices.json").read_text())[name]
    return resample(io.read(VOICES / f"{name}.ogg"), 24_000), about["text"]


def test_a_folder_becomes_a_dataset(dataset: Dataset, tmp_path: Path, listeners: Listeners) -> None:
    """Two recordings, one with its true text and one with another's; the words of a third are heard."""
    folder = tmp_path / "in"
    folder.mkdir()
    texts = {}
    for name in ("voice_00", "voice_02", "voice_04"):
        waveform, texts[name] = spoken(name)
        io.write(folder / f"{name}.flac", pad(waveform, 1.5, 1.5))
    (folder / "voice_00.lab").write_text(texts["voice_00"])
    (folder / "voice_02.lab").write_text(texts["voice_00"])
    built = make(dataset, [folder], listeners)
    found = {line.file.split("/")[1][:8]: line.text for line in read_metadata(built)}
    assert set(found) == {"voice_00", "voice_04"} and found["voice_00"] == texts["voice_00"]
    assert cer(texts["voice_04"], found["voice_04"], "en") < 0.1
    [left_out] = read_report(built)["left_out"]
    assert left_out["check"] == "text" and left_out["source"].startswith("voice_02")
    [clip] = [clip for clip in built.clips("validate") if clip.id.startswith("voice_00")]
    assert clip.heard is not None and len(clip.heard.words) > 15
    assert 0 <= clip.heard.words[0].start_s < clip.heard.words[-1].end_s <= clip.duration_s
    assert clip.duration_s < spoken("voice_00")[0].duration_s + 0.5  # the silence around it is gone


def test_clips_of_a_long_recording_begin_and_end_in_pauses(
    dataset: Dataset, tmp_path: Path, listeners: Listeners
) -> None:
    parts = [pad(spoken(f"voice_{n:02d}")[0], 0.25, 0.25) for n in (0, 2, 4, 6, 8)]
    whole = join(parts)
    io.write(tmp_path / "long.flac", whole)
    import_recordings(dataset, [tmp_path / "long.flac"])
    clips = segment(dataset, listeners.vad, None)
    assert len(clips) >= 5 and all(1 < clip.duration_s <= 12 for clip in clips)
    uncut = [clip.measures.edge_db for clip in clips if not clip.is_cut and clip.measures]
    assert len(uncut) > 0.7 * len(clips) and max(uncut) < -20
    assert sum(clip.duration_s for clip in clips) > 0.85 * whole.duration_s


def test_subtitles_stay_with_their_speech(tmp_path: Path, listeners: Listeners) -> None:
    """Two sentences, each timed by a subtitle that is half a second late; one in Portuguese, hyphens and all."""
    dataset = DatasetStore(tmp_path).create("legendas", "pt-BR")
    (one, first), (two, second) = spoken("voice_01"), spoken("voice_03")
    waveform = join([pad(one, 0.5, 0.7), pad(two, 0.7, 0.5)])
    io.write(tmp_path / "talk.wav", waveform)
    middle = one.duration_s + 1.2
    times = [(0.9, middle), (middle + 0.4, waveform.duration_s)]
    said = enumerate(zip(times, (first, second), strict=True), 1)
    cues = [f"{n}\n{_clock(a)} --> {_clock(b)}\n{text}\n" for n, ((a, b), text) in said]
    (tmp_path / "talk.srt").write_text("\n".join(cues))
    built = make(dataset, [tmp_path / "talk.wav"], listeners)
    assert [line.text for line in read_metadata(built)] == [first, second]
    last_sound_s = 0.5 + float(np.flatnonzero(np.abs(one.samples) > 0.02)[-1]) / one.sample_rate
    edges = [clip.end_s for clip in built.clips("validate")]
    assert last_sound_s < edges[0] < last_sound_s + 0.5


def _clock(seconds: float) -> str:
    ms = round(seconds * 1000)
    return f"00:00:{ms // 1000:02d},{ms % 1000:03d}"


def test_silence_is_not_transcribed(dataset: Dataset, tmp_path: Path, listeners: Listeners) -> None:
    io.write(tmp_path / "room.wav", Waveform(0.001 * np.random.default_rng(0).standard_normal(80_000), 16_000))
    import_recordings(dataset, [tmp_path / "room.wav"])
    [clip] = segment(dataset, listeners.vad, None)
    assert clip.measures is not None and clip.measures.speech_s == 0
