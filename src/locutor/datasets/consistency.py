"""Is it one voice? Each clip is compared with the other clips of its speaker, as a whole and piece by piece."""

import base64
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from locutor.analysis.quality import speech_level_dbfs
from locutor.analysis.speaker import HOP_LENGTH, SAMPLE_RATE, WINDOW_FRAMES, Embedding
from locutor.audio.reference import frame_levels
from locutor.audio.resample import resample
from locutor.datasets.dataset import Dataset
from locutor.datasets.manifest import Clip, Row
from locutor.datasets.memo import Memo, key_of
from locutor.datasets.sound import clip_sound
from locutor.datasets.watch import Watch
from locutor.types import Waveform

MIN_CLIPS = 5  # fewer do not show what a speaker sounds like
STEP_FRAMES = 30  # 0.3 s
_MIN_SPEECH = 0.5  # of a window, else silence is compared
_SPEECH_DB = 25.0  # frames this far below the speech's level are silence
_OUTLIER = 0.1  # below the median similarity: not used to know the speaker by
_VERSION = 4


class WindowEncoder(Protocol):
    """A speaker encoder that tells the voice of each window; see analysis.speaker.LstmSpeakerEncoder."""

    def embed_windows(self, waveform: Waveform, step_frames: int = ...) -> Embedding:
        """(n_windows, d), rows of unit length."""
        ...


class _Windows(Row):
    """The windows of a clip in which somebody speaks, (n, d) float16; n is 0 in no clip."""

    n: int
    data: str


def measure_speakers(
    dataset: Dataset, clips: Sequence[Clip], encoder: WindowEncoder, watch: Watch
) -> dict[str, tuple[float, float]]:
    """Clip id -> similarity to the speaker, and that of the least similar window.

    The speaker is the mean of the clips, those left out that are unlike most. Speakers with fewer than MIN_CLIPS clips
    are not judged.
    """
    windows: dict[str, Embedding] = {}
    with Memo(dataset.work("speakers.memo.jsonl"), _Windows) as memo:
        for clip in watch.each("compare voices", clips):
            key = key_of("speakers", _VERSION, clip.id)
            found = memo.get(key)
            if found is None:
                found = [_packed(_spoken_windows(clip_sound(dataset, clip), encoder))]
                memo.put(key, found)
            windows[clip.id] = _unpacked(found[0])
    by_speaker: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        by_speaker[clip.speaker].append(clip.id)
    judged: dict[str, tuple[float, float]] = {}
    for ids in by_speaker.values():
        if len(ids) >= MIN_CLIPS:
            judged |= _judged({clip_id: windows[clip_id] for clip_id in ids})
    return judged


def _judged(windows: dict[str, Embedding]) -> dict[str, tuple[float, float]]:
    means = np.stack([_unit(rows.mean(axis=0)) for rows in windows.values()])  # (n_clips, d)
    centre = _centre(means)
    return {
        clip_id: (float(mean @ centre), float((rows @ centre).min()))
        for (clip_id, rows), mean in zip(windows.items(), means, strict=True)
    }


def _centre(means: Embedding) -> Embedding:
    """(n_clips, d) -> (d,): where most clips are."""
    centre = _unit(np.median(means, axis=0))
    for _ in range(3):
        alike = means @ centre
        centre = _unit(means[alike >= np.median(alike) - _OUTLIER].mean(axis=0))
    return centre


def _spoken_windows(waveform: Waveform, encoder: WindowEncoder) -> Embedding:
    """The windows with enough speech in them, or all when none has."""
    heard = resample(waveform, SAMPLE_RATE)
    rows = encoder.embed_windows(heard, STEP_FRAMES)
    levels = frame_levels(heard)  # (n_frames,) of 20 ms
    is_speech = levels > speech_level_dbfs(levels) - _SPEECH_DB
    per_frame = round(0.02 * SAMPLE_RATE) // HOP_LENGTH  # network frames in one of frame_levels
    first = [i * STEP_FRAMES // per_frame for i in range(len(rows))]
    shares = np.array([is_speech[start : start + WINDOW_FRAMES // per_frame].mean() for start in first])
    return rows[shares >= _MIN_SPEECH] if (shares >= _MIN_SPEECH).any() else rows


def _unit(vector: Embedding) -> Embedding:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _packed(rows: Embedding) -> _Windows:
    return _Windows(n=len(rows), data=base64.b64encode(rows.astype("<f2").tobytes()).decode())


def _unpacked(windows: _Windows) -> Embedding:
    flat = np.frombuffer(base64.b64decode(windows.data), "<f2").astype(np.float32)
    return flat.reshape(windows.n, -1)
