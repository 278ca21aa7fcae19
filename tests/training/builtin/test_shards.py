from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.audio.mel import HOP_LENGTH, mel_spectrogram
from locutor.errors import NotFoundError
from locutor.training.builtin.shards import Pool, Stream, lay_clip

CPU = torch.device("cpu")


def test_frames_say_the_token_at_their_centre(pool: Pool) -> None:
    """Frame k is centred on sample 256 k: the first clip's tokens end at 2,560 = 10 * 256, 12,800 = 50 * 256, ..."""
    first = pool.clips[0]
    assert (first.stream, first.start, first.language, first.tokens.tolist()) == (0, 0, 0, [1, 5, 9, 1])
    assert first.ends.tolist() == [10, 50, 118, 129] and first.n_frames == 129  # 30,000 / 256 = 117.2, 33,000: 128.9
    said = pool.tokens[:129].tolist()
    assert said == [1] * 10 + [5] * 40 + [9] * 68 + [1] * 11


def test_the_next_clip_starts_in_the_middle_of_a_frame(pool: Pool) -> None:
    """33,000 samples in: its first frame is number 129, centred on sample 33,024, 24 samples into the clip."""
    second = pool.clips[1]
    assert (second.start, second.language) == (129, 1)
    ends = [-(-(33_000 + end) // 256) - 129 for end in (2_000, 20_000, 22_000)]
    assert second.ends.tolist() == ends and second.n_frames == ends[-1]
    assert pool.tokens[129 : 129 + ends[-1]].tolist() == [1] * ends[0] + [7] * (ends[1] - ends[0]) + [1] * (
        ends[2] - ends[1]
    )
    assert pool.languages[128:131].tolist() == [0, 1, 1]


def test_streams_lie_one_after_the_other(pool: Pool) -> None:
    assert [stream.speaker for stream in pool.streams] == [41, 42, 43]
    lengths = [81_000 // 256 + 1, 71_000 // 256 + 1, 62_000 // 256 + 1]
    assert [stream.n_frames for stream in pool.streams] == lengths
    assert [stream.start for stream in pool.streams] == [0, lengths[0], lengths[0] + lengths[1]]
    assert pool.n_frames == sum(lengths) and not pool.mel[pool.n_frames :].any()
    assert [clip.stream for clip in pool.clips] == [0, 0, 0, 1, 1, 2]
    assert pool.clips[3].start == lengths[0]


def test_mel_is_that_of_the_whole_stream(pool: Pool) -> None:
    samples = np.load(pool.folder / "a.npz")["samples"][:81_000]
    wanted = mel_spectrogram(torch.from_numpy(samples)[None].float() / 32767)[0].T
    assert torch.equal(pool.mel[: len(wanted)], wanted.half())


def test_the_tone_of_a_frame_is_its_tokens(pool: Pool) -> None:
    """Every token hums at its own pitch, so audio and labels can be compared."""
    loudest = {
        t: pool.mel[: pool.n_frames][pool.tokens[: pool.n_frames] == t].float().mean(0).argmax() for t in (2, 5, 9)
    }
    bands = [int(loudest[t]) for t in (2, 5, 9)]
    assert bands == sorted(bands) and len(set(bands)) == 3


def test_it_grows_as_shards_appear(pool: Pool, shard: Callable[..., None], clip: Any) -> None:
    before = pool.n_frames
    assert pool.refresh() == 0
    for i in range(3):
        shard(pool.folder / f"c{i}.npz", [clip(0, [1, 2], [2_000, 9_000])], speakers=[50 + i], seed=i)
    shard(pool.folder / "d.tmp.npz", [clip(0, [1, 2], [2_000, 9_000])], speakers=[99])  # still being written
    assert pool.refresh(limit=2) == 2 and len(pool.streams) == 5
    assert pool.refresh() == 1 and pool.refresh() == 0
    assert [stream.speaker for stream in pool.streams[3:]] == [50, 51, 52]
    assert pool.n_frames == before + 3 * 36


def test_a_full_pool_takes_whole_streams_only(pool: Pool) -> None:
    small = Pool(pool.folder, CPU, 400)
    assert [stream.speaker for stream in small.streams] == [41] and small.n_frames == pool.streams[0].n_frames


def test_no_shards(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no shards \(\*\.npz\) in"):
        Pool(tmp_path, CPU, 100)


def test_band_statistics(pool: Pool) -> None:
    mean, std = pool.band_statistics()
    frames = pool.mel[: pool.n_frames].float()
    assert torch.allclose(mean, frames.mean(0), atol=1e-3) and torch.allclose(std, frames.std(0), atol=1e-3)


def test_windows(pool: Pool) -> None:
    assert pool.window(torch.tensor([3, 10]), 4).tolist() == [[3, 4, 5, 6], [10, 11, 12, 13]]


@given(lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=20), offset=st.integers(0, 5000))
def test_any_clip_is_laid_without_a_gap(lengths: list[int], offset: int) -> None:
    ends = np.cumsum(lengths)
    n_frames = (offset + int(ends[-1])) // HOP_LENGTH + 1
    stream = Stream(0, 100, n_frames)
    clip, said = lay_clip(stream, 3, offset, np.arange(len(lengths), dtype=np.uint8), ends, 1)
    assert clip.stream == 3 and len(said) == clip.n_frames == clip.ends[-1] and clip.n_frames >= 0
    assert clip.start + clip.n_frames <= stream.start + stream.n_frames
    frames = clip.ends.diff(prepend=torch.zeros(1, dtype=torch.long))
    assert said.tolist() == [token for token, n in enumerate(frames.tolist()) for _ in range(n)]
    for k in range(clip.n_frames):
        sample = (clip.start - stream.start + k) * HOP_LENGTH - offset
        token = int(said[k])
        assert (ends[token - 1] if token else 0) <= sample < ends[token]
