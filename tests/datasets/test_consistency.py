from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from locutor.analysis.speaker import Embedding, LstmSpeakerEncoder
from locutor.audio import io
from locutor.audio.edit import join
from locutor.audio.resample import resample
from locutor.datasets import Dataset, Limits, import_recordings, segment
from locutor.datasets.consistency import _centre
from locutor.datasets.filters import speaker_problems
from locutor.types import Waveform

CLIPS = Path(__file__).parents[1] / "clips"


def test_the_centre_is_where_most_are() -> None:
    rng = np.random.default_rng(0)
    speaker, other = np.eye(8, dtype=np.float32)[:2]
    means: Embedding = np.stack([speaker + 0.1 * rng.random(8)] * 7 + [other] * 3).astype(np.float32)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert _centre(means) @ speaker > 0.95


@pytest.mark.skipif(find_spec("resemblyzer") is None, reason="resemblyzer is not installed")
def test_another_voice_is_noticed(dataset: Dataset, tmp_path: Path, silero: object) -> None:
    """Nine pieces of one voice, one of which goes on in another voice."""
    one, other = (resample(io.read(CLIPS / f"voice_{n:02d}.ogg"), 16_000) for n in (0, 2))
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(9):
        piece = Waveform(one.samples[n * 12_000 : n * 12_000 + 40_000], 16_000)
        if n == 8:
            piece = join([piece, Waveform(other.samples[:40_000], 16_000)])
        io.write(folder / f"{n}.wav", piece)
        (folder / f"{n}.lab").write_text("words")
    import_recordings(dataset, [folder])
    clips = segment(dataset, silero, LstmSpeakerEncoder())  # type: ignore[arg-type]
    assert [bool(speaker_problems(clip, Limits())) for clip in clips] == [False] * 8 + [True]
    figures = [clip.measures.worst_similarity for clip in clips if clip.measures]
    assert figures[8] is not None and figures[8] < min(figure for figure in figures[:8] if figure) - 0.1
