"""Recordings with transcripts made into what the built-in acoustic network learns from: mels and aligned phonemes."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from locutor.audio import io
from locutor.audio.edit import join
from locutor.audio.level import set_rms
from locutor.audio.mel import FRAME_RATE, SAMPLE_RATE, mel_spectrogram
from locutor.audio.resample import resample
from locutor.audio.silence import cut_ms, leading_silence_ms, length_ms
from locutor.engines.builtin.bandwidth import bandwidth, fill_upper_bands
from locutor.engines.builtin.engine import (
    MAX_S,
    REFERENCE_S,
    TRAINED_RMS,
    BuiltinEngine,
    BuiltinVoice,
    Networks,
)
from locutor.engines.builtin.phonemes import BOUNDARY, LANGUAGES, phoneme_tokens
from locutor.engines.builtin.pronounce import pronounce
from locutor.engines.builtin.solve import lay_frames
from locutor.engines.download import sha256_of
from locutor.errors import AudioError, OptionError, StorageError
from locutor.text.normalize import normalize
from locutor.training.builtin.align import Alignment, align
from locutor.training.dataset import Dataset, Recording
from locutor.types import Waveform

EDGE_MS = 100  # silence left before and after the words, as much as the model puts there itself
SILENT_DBFS = -42.0
ALIGNMENT_VERSION = 1

ClipProgress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class AlignedClip:
    """One recording. mel: (f, c) log-mel at the level of references, its empty upper bands filled; tokens: (f,) of each
    frame; n_bands: those the recording really has, from the lowest."""

    mel: Tensor
    tokens: Tensor
    language: int
    n_bands: int


def aligned_clips(
    networks: Networks, dataset: Dataset, cache: Path, on_progress: ClipProgress | None = None
) -> tuple[list[AlignedClip], list[AlignedClip]]:
    """Clips to learn from and held-out ones. Alignments found before are taken from `cache`, a JSON lines file.

    Raises OptionError for a language the model does not speak or when no clip can be used.
    """
    if dataset.language not in LANGUAGES:
        raise OptionError(f"the built-in model speaks {', '.join(LANGUAGES)}, not {dataset.language!r}")
    speaker = _Speaker(networks, dataset, _Alignments(cache))
    total, done = len(dataset.train) + len(dataset.held_out), count(1)

    def all_of(recordings: Iterable[Recording]) -> list[AlignedClip]:
        clips = []
        for recording in recordings:
            clips.append(speaker.clip(recording))
            if on_progress is not None:
                on_progress(next(done), total)
        return [clip for clip in clips if clip is not None]

    train, held_out = all_of(dataset.train), all_of(dataset.held_out)
    if not train:
        raise OptionError(f"no clip of dataset {dataset.name} can be used: {speaker.why_not}")
    return train, held_out


class _Alignments:
    """Ends by clip, kept in a file that only grows. A line that a crash or a full disk cut off is found anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = path.read_bytes() if path.is_file() else b""
        self._is_torn = bool(content) and not content.endswith(b"\n")
        self._found = dict(filter(None, map(_alignment, content.splitlines())))

    def get(self, key: str, find: Callable[[], Alignment]) -> Alignment:
        if key not in self._found:
            found = self._found[key] = find()
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                line = json.dumps([key, list(map(int, found.ends)), round(found.distance, 5)]).encode() + b"\n"
                with self._path.open("ab") as file:
                    # Not cut off, as other runs may be writing to the same file: half a line is ended where it is.
                    file.write(b"\n" + line if self._is_torn else line)
                self._is_torn = False
            except OSError as error:
                raise StorageError(f"cannot write {self._path}: {error.strerror}") from error
        return self._found[key]


def _alignment(line: bytes) -> tuple[str, Alignment] | None:
    """A line of the file, None where it is not whole."""
    try:
        key, ends, distance = json.loads(line)
        return str(key), Alignment(tuple(ends), distance)
    except (ValueError, TypeError):
        return None


class _Speaker:
    """The voice of a dataset, and what each of its recordings says when."""

    def __init__(self, networks: Networks, dataset: Dataset, alignments: _Alignments) -> None:
        self._networks, self._language, self._alignments = networks, dataset.language, alignments
        self._voice = _voice(networks, dataset)
        self.why_not = ""

    def clip(self, recording: Recording) -> AlignedClip | None:
        """None for a recording that is silent, too long, or too short for its text."""
        networks = self._networks
        text = normalize(recording.text, self._language)
        tokens = phoneme_tokens(BOUNDARY + pronounce(networks.g2p, text, self._language) + BOUNDARY)
        try:
            waveform = levelled(recording.path)
        except AudioError as error:
            self.why_not = str(error)
            return None
        mel = mel_spectrogram(torch.from_numpy(waveform.samples)[None])[0].T  # (1, c, f) -> (f, c)
        if not len(tokens) <= len(mel) <= MAX_S * FRAME_RATE:
            self.why_not = f"{recording.path.name} lasts {waveform.duration_s:.2f} s for {len(tokens)} phonemes"
            return None
        n_bands = bandwidth(mel[None], networks.acoustic.mel_mean.cpu()) + 1
        filled = fill_upper_bands(mel[None], networks.acoustic.mel_mean.cpu())[0]
        language = LANGUAGES.index(self._language)
        key = f"{ALIGNMENT_VERSION} {sha256_of(recording.path)} {','.join(map(str, tokens))}"
        device = networks.acoustic.mel_mean.device
        found = self._alignments.get(key, lambda: align(networks, self._voice, filled.to(device), tokens, language))
        laid = lay_frames(tokens, list(found.ends), len(mel))
        return AlignedClip(filled, laid, language, min(n_bands, mel.shape[1]))


def levelled(path: Path) -> Waveform:
    """A recording at the rate and level of references, with little silence at its edges. AudioError when silent."""
    waveform = resample(io.read(path), SAMPLE_RATE)
    mirrored = Waveform(waveform.samples[::-1], waveform.sample_rate)
    before, after = (leading_silence_ms(w, SILENT_DBFS) for w in (waveform, mirrored))
    n_ms = length_ms(waveform)
    if before >= n_ms:
        raise AudioError(f"{path.name} is silent")
    return set_rms(cut_ms(waveform, before - EDGE_MS, n_ms - after + EDGE_MS), TRAINED_RMS)


def _voice(networks: Networks, dataset: Dataset) -> BuiltinVoice:
    """The first recordings, as many as a reference holds, as the model hears them."""
    pieces: list[Waveform] = []
    for recording in dataset.train:
        if sum(piece.duration_s for piece in pieces) < REFERENCE_S:
            pieces.append(resample(io.read(recording.path), SAMPLE_RATE))
    state: BuiltinVoice = (
        BuiltinEngine(networks, str(networks.acoustic.mel_mean.device)).encode_voice(join(pieces, 0.0)).state
    )
    return state
