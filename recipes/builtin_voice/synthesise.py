"""Make training speech: `python synthesise.py RANK SECONDS OUT_DIR`, one process a rank.

Environment: MODEL (dequantised ONNX), VOICES (of style_vectors.py), VOCAB (Kokoro's vocab.json), CORPUS
(corpus.jsonl.gz), DEVICE, FIRST_SPEAKER (so that ranks and runs never share one).
Each shard is an .npz of streams (one speaker each, about 45 s in several clips) with every phoneme's end in samples.
"""

import gzip
import json
import os
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kokoro import UNIT, Kokoro, read_vocab
from locutor.engines.builtin.phonemes import BOUNDARY, LANGUAGES, phoneme_tokens
from voices import Speaker, Voices, draw_speaker, resample

STREAM_S = 45.0
STREAMS_PER_SHARD = 4
MAX_EDGE_UNITS = 7  # longest silence kept before and after a clip, in units of 25 ms
RMS = 0.1


@dataclass
class Clip:
    """samples: int16; tokens with a boundary at both ends; ends: each token's end in samples."""

    samples: np.ndarray
    tokens: np.ndarray
    ends: np.ndarray
    language: int


@dataclass
class Shard:
    streams: list[list[Clip]] = field(default_factory=list)
    speakers: list[int] = field(default_factory=list)

    def save(self, path: Path) -> None:
        clips = [c for stream in self.streams for c in stream]
        unfinished = path.with_suffix(".tmp.npz")
        np.savez(
            unfinished,
            samples=np.concatenate([c.samples for c in clips]),
            n_samples=np.array([len(c.samples) for c in clips]),
            stream=np.repeat(np.arange(len(self.streams)), [len(s) for s in self.streams]),
            speaker=np.array(self.speakers),
            language=np.array([c.language for c in clips], np.uint8),
            tokens=np.concatenate([c.tokens for c in clips]),
            ends=np.concatenate([c.ends for c in clips]),
            n_tokens=np.array([len(c.tokens) for c in clips]),
        )
        os.replace(unfinished, path)


class Synthesizer:
    def __init__(self) -> None:
        self.device = os.environ.get("DEVICE", "cuda")
        self.kokoro = Kokoro(os.environ["MODEL"], self.device)
        self.voices = Voices.read(os.environ["VOICES"])
        self.vocab = read_vocab(os.environ["VOCAB"])

    def clip(self, speaker: Speaker, pitch: float, phonemes: str, language: str) -> Clip | None:
        """One text in one voice, trimmed at its edges; None when the synthesizer fails."""
        known = "".join(p for p in phonemes if p in self.vocab and p not in "()")
        ids = [self.vocab[p] for p in known]
        style = speaker.styles[language][len(ids) - 1]
        waveform = self.kokoro(ids, style, speaker.speed / speaker.warp, pitch, speaker.pitch_range)
        if not torch.isfinite(waveform).all() or waveform.abs().max() < 0.01:
            return None
        units = self.kokoro.durations.round().long().cpu().numpy()
        cut_front, cut_back = (max(0, int(units[i]) - MAX_EDGE_UNITS) for i in (0, -1))
        waveform = waveform[cut_front * UNIT : len(waveform) - cut_back * UNIT]
        units[0] -= cut_front
        units[-1] -= cut_back
        waveform = resample(waveform, speaker.warp)
        ends = np.minimum((np.cumsum(units) * UNIT / speaker.warp).round(), len(waveform)).astype(np.int32)
        tokens = np.array(phoneme_tokens(BOUNDARY + known + BOUNDARY), np.uint8)
        return Clip(to_int16(waveform), tokens, ends, LANGUAGES.index(language))

    def pitch_scale(self, speaker: Speaker, phonemes: str, language: str) -> float:
        """Factor that brings the mean F0 in a language, after warping, to the speaker's."""
        ids = [self.vocab[p] for p in phonemes if p in self.vocab]
        self.kokoro(ids, speaker.styles[language][len(ids) - 1], 1.0)
        return speaker.pitch_hz / speaker.warp / self.kokoro.pitch_mean


def to_int16(waveform: Tensor) -> np.ndarray:
    level = RMS / (waveform.square().mean().sqrt() + 1e-6)
    return ((waveform * level).clamp(-0.99, 0.99) * 32767).short().cpu().numpy()


def main() -> None:
    rank, seconds, out = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    deadline = time.time() + seconds
    torch.set_num_threads(1)
    if torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cuda.cufft_plan_cache[0].max_size = 4  # unbounded it eats the memory
    out.mkdir(parents=True, exist_ok=True)
    with gzip.open(os.environ["CORPUS"], "rt", encoding="utf8") as f:
        corpus = [json.loads(line) for line in f]
    synthesizer = Synthesizer()
    rng = random.Random(rank + int(os.environ.get("FIRST_SPEAKER", "0")))
    rng.shuffle(corpus)
    shard, n_shards, n_speakers, audio_s = Shard(), 0, 0, 0.0
    started, position = time.time(), 0
    while time.time() < deadline:
        seed = int(os.environ.get("FIRST_SPEAKER", "0")) + rank * 100_000 + n_speakers
        n_speakers += 1
        speaker = draw_speaker(seed, synthesizer.voices)
        pitch: dict[str, float] = {}
        stream: list[Clip] = []
        while sum(len(c.samples) for c in stream) < STREAM_S * 24_000:
            language, _, phonemes = corpus[position % len(corpus)]
            position += 1
            if language not in pitch:
                pitch[language] = synthesizer.pitch_scale(speaker, phonemes, language)
            clip = synthesizer.clip(speaker, pitch[language], phonemes, language)
            if clip is not None:
                stream.append(clip)
        audio_s += sum(len(c.samples) for c in stream) / 24_000
        shard.streams.append(stream)
        shard.speakers.append(seed)
        if len(shard.streams) == STREAMS_PER_SHARD or time.time() > deadline:
            shard.save(out / f"rank{rank:03d}_{n_shards:04d}.npz")
            shard, n_shards = Shard(), n_shards + 1
            print(f"rank {rank}: {audio_s / 3600:.2f} h, {audio_s / (time.time() - started):.1f}x", flush=True)


if __name__ == "__main__":
    main()
