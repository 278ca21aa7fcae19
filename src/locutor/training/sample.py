"""What a run lets its models say, so that progress can be heard: always the same words, voice and seed.

A sample is spoken by the engine that loads the saved files, and its recipe holds their SHA-256: made again on the same
kind of device it is the same file, byte for byte.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from locutor.audio import io
from locutor.audio.edit import join
from locutor.audio.resample import resample
from locutor.engines.base import Engine, synthesize
from locutor.engines.checkpoints import Checkpoint
from locutor.engines.download import disk_refused, sha256_of
from locutor.engines.registry import EngineRegistry
from locutor.errors import CheckpointError, OptionError
from locutor.training.dataset import Dataset, Recording
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

VOICE_S = 8.0  # seconds of recordings that are cloned, as many whole clips as it takes
VOICE_RATE = 24_000
SAMPLE_S = (1.5, 10.0)  # length of the recording whose text the samples say, if there is one


@dataclass(frozen=True, kw_only=True)
class SampleVoice:
    """What the samples clone and say. audio: file of the reference; original: recording of `text`, if there is one."""

    audio: str
    ref_text: str
    language: str
    text: str
    original: str | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class SampleRecipe:
    """What it takes to make a sample again. epoch 0 is the base. audio_sha256: of the file that was made."""

    epoch: int
    model: str
    checkpoint_sha256: str
    engine: str
    device: str
    voice_sha256: str
    text: str
    language: str
    seed: int
    audio_sha256: str


def choose_voice(folder: Path, dataset: Dataset, text: str | None, seed: int) -> SampleVoice:
    """Write folder/voice.wav and voice.json. Raises AudioError for recordings that cannot be read."""
    clips: list[Recording] = []
    pieces: list[Waveform] = []
    for recording in dataset.train:
        if sum(piece.duration_s for piece in pieces) >= VOICE_S:
            break
        waveform = resample(io.read(recording.path), VOICE_RATE)
        if waveform.duration_s <= VOICE_S:
            clips.append(recording)
            pieces.append(waveform)
    if not pieces:
        raise OptionError(f"dataset {dataset.name} has no clip of at most {VOICE_S:g} s to make samples with")
    original = _original(dataset)
    voice = SampleVoice(
        audio="voice.wav",
        ref_text=" ".join(clip.text for clip in clips),
        language=dataset.language,
        text=text or original.text,
        original=None if text else str(original.path),
        seed=seed,
    )
    io.write(folder / voice.audio, join(pieces), "wav")
    (folder / "voice.json").write_text(json.dumps(asdict(voice), ensure_ascii=False, indent=1), encoding="utf-8")
    return voice


def read_voice(folder: Path) -> SampleVoice:
    """Raises CheckpointError for a run that has none."""
    try:
        return SampleVoice(**json.loads((folder / "voice.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"run {folder.name} has no readable voice.json: {error}") from error


def speak(engine: Engine, folder: Path, voice: SampleVoice) -> Waveform:
    """The samples' words by an engine, in the voice of the run in `folder`."""
    prompt = engine.encode_voice(io.read(folder / voice.audio), voice.ref_text)
    request = SpeechRequest(text=voice.text, language=voice.language, options=SynthesisOptions(seed=voice.seed))
    utterance = engine.prepare(request, prompt)
    return synthesize(engine, [utterance], request.options)[0]


def spoken_by(folder: Path, epoch: int) -> str | None:
    """SHA-256 of the checkpoint that spoke the sample of an epoch, None where there is no such sample."""
    samples = folder / "samples"
    if not (samples / f"epoch_{epoch}_output.wav").is_file():
        return None
    recipe = json.loads((samples / f"epoch_{epoch}.json").read_text(encoding="utf-8"))
    return str(recipe["checkpoint_sha256"])


def make_sample(folder: Path, epoch: int, checkpoint: Checkpoint, registry: EngineRegistry, device: str) -> Waveform:
    """Write samples/epoch_N_output.wav, _reference.wav and the recipe epoch_N.json of a run; returns the output."""
    voice, samples = read_voice(folder), folder / "samples"
    engine = registry.load(checkpoint, device)
    try:
        waveform = speak(engine, folder, voice)
    finally:
        engine.close()
    encoded = io.encode(waveform, "wav")
    recipe = SampleRecipe(
        epoch=epoch,
        model=checkpoint.card.id,
        checkpoint_sha256=checkpoint.sha256,
        engine=checkpoint.card.engine,
        device=device,
        voice_sha256=sha256_of(folder / voice.audio),
        text=voice.text,
        language=voice.language,
        seed=voice.seed,
        audio_sha256=hashlib.sha256(encoded).hexdigest(),
    )
    original = Path(voice.original) if voice.original else folder / voice.audio
    _put(samples / f"epoch_{epoch}_reference.wav", io.encode(io.read(original), "wav"))
    _put(samples / f"epoch_{epoch}.json", json.dumps(asdict(recipe), ensure_ascii=False, indent=1).encode())
    _put(samples / f"epoch_{epoch}_output.wav", encoded)
    return waveform


def _original(dataset: Dataset) -> Recording:
    """The first held-out recording of a handy length, else the first recording."""
    low, high = SAMPLE_S
    for recording in dataset.held_out:
        if low <= io.probe(recording.path).duration_s <= high:
            return recording
    return (dataset.held_out or dataset.train)[0]


def _put(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise disk_refused(path, error) from error
