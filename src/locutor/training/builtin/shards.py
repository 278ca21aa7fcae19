"""Aligned speech on disk and on the device: streams of clips of one speaker, the end of each phoneme known.

A shard is an .npz file: samples (int16, 24 kHz) of all its clips in a row; n_samples, stream, language, n_tokens per
clip; tokens and ends (samples from the clip's start) of every phoneme in a row; speaker per stream.
Shapes: f frames, c mel bands.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from locutor.audio.mel import HOP_LENGTH, N_MELS, mel_spectrogram
from locutor.errors import NotFoundError


@dataclass(frozen=True)
class Clip:
    """One text as spoken. start: first frame in the pool; ends: (t,) each phoneme's end in frames from there."""

    stream: int
    start: int
    n_frames: int
    language: int
    tokens: Tensor
    ends: Tensor


@dataclass(frozen=True)
class Stream:
    """All clips of one speaker, one after the other; start and n_frames in the pool."""

    speaker: int
    start: int
    n_frames: int


class Pool:
    """Frames of many streams as one long tensor on the device, growing as shards appear in a folder.

    mel: (f, c) half precision log-mel; tokens, languages: (f,) what each frame says, and in which language.
    """

    def __init__(self, folder: Path, device: torch.device, capacity_frames: int) -> None:
        self.folder, self.device = folder, device
        self.mel = torch.zeros(capacity_frames, N_MELS, dtype=torch.float16, device=device)
        self.tokens = torch.zeros(capacity_frames, dtype=torch.uint8, device=device)
        self.languages = torch.zeros(capacity_frames, dtype=torch.uint8, device=device)
        self.n_frames = 0
        self.streams: list[Stream] = []
        self.clips: list[Clip] = []
        self._seen: set[Path] = set()
        self.refresh()
        if not self.streams:
            raise NotFoundError(f"no shards (*.npz) in {folder}")

    def refresh(self, limit: int | None = None) -> int:
        """Take in shards that have appeared since, at most `limit`, until full; returns how many."""
        new = [p for p in sorted(self.folder.glob("*.npz")) if p not in self._seen and ".tmp" not in p.name]
        for path in new[:limit]:
            self._add(path)
        return len(new[:limit])

    def _add(self, path: Path) -> None:
        self._seen.add(path)
        shard = np.load(path)
        n_samples, clip_stream = shard["n_samples"], shard["stream"]
        clip_start = np.concatenate([[0], np.cumsum(n_samples)])
        token_start = np.concatenate([[0], np.cumsum(shard["n_tokens"])])
        samples, tokens, ends, languages = (shard[k] for k in ("samples", "tokens", "ends", "language"))
        for i, speaker in enumerate(shard["speaker"]):
            members = np.flatnonzero(clip_stream == i)
            first, last = clip_start[members[0]], clip_start[members[-1] + 1]
            waveform = torch.from_numpy(samples[first:last]).to(self.device).float() / 32767
            mel = mel_spectrogram(waveform[None])[0].T  # (f, c)
            if self.n_frames + len(mel) > len(self.mel):
                return
            stream = Stream(int(speaker), self.n_frames, len(mel))
            self.mel[stream.start : stream.start + stream.n_frames] = mel.half()
            says = np.zeros((2, len(mel)), np.uint8)  # token and language of each frame
            for m in members:
                of_clip = slice(token_start[m], token_start[m + 1])
                offset, language = int(clip_start[m] - first), int(languages[m])
                clip, which = lay_clip(stream, len(self.streams), offset, tokens[of_clip], ends[of_clip], language)
                place = slice(clip.start - stream.start, clip.start - stream.start + clip.n_frames)
                says[0, place], says[1, place] = which, language
                self.clips.append(clip)
            place = slice(stream.start, stream.start + stream.n_frames)
            on_device = torch.from_numpy(says).to(self.device)
            self.tokens[place], self.languages[place] = on_device[0], on_device[1]
            self.streams.append(stream)
            self.n_frames += len(mel)

    def band_statistics(self, n: int = 200_000) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each mel band, (c,) each, over frames drawn evenly from the pool."""
        index = torch.linspace(0, self.n_frames - 1, min(n, self.n_frames), device=self.device).long()
        frames = self.mel[index].float()
        return frames.mean(0), frames.std(0)

    def window(self, starts: Tensor, n_frames: int) -> Tensor:
        """Indices (b, n_frames) of consecutive frames from each start, on the device."""
        return starts.to(self.device)[:, None] + torch.arange(n_frames, device=self.device)


def lay_clip(
    stream: Stream, index: int, offset: int, tokens: np.ndarray, ends: np.ndarray, language: int
) -> tuple[Clip, np.ndarray]:
    """Lay a clip's phonemes over its frames; offset: the clip's first sample in its stream.

    Frame k is centred on sample k * HOP_LENGTH of its stream. Returns the clip and the token of each of its frames.
    """
    first = -(-offset // HOP_LENGTH)
    last = min(-(-(offset + int(ends[-1])) // HOP_LENGTH), stream.n_frames)
    centres = np.arange(first, last) * HOP_LENGTH - offset
    which = np.searchsorted(ends, centres, side="right").clip(max=len(tokens) - 1)
    frame_ends = torch.from_numpy(np.searchsorted(centres, ends, side="left"))
    letters = torch.from_numpy(tokens.astype(np.int64))
    return Clip(index, stream.start + first, last - first, language, letters, frame_ends), tokens[which]
