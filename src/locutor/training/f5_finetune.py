"""Teaching an F5-TTS network a voice: spans of its recordings are learned, given the rest and the transcript."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from locutor.audio import io
from locutor.audio.mel import SAMPLE_RATE
from locutor.audio.resample import resample
from locutor.engines.f5.checkpoint import EMA_PREFIX, NETWORK_PREFIX, build_network, read_checkpoint
from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.engines.f5.engine import reference_mel
from locutor.engines.f5.tokens import Vocabulary, read_vocabulary, tokenize
from locutor.errors import OptionError
from locutor.text.languages import LANGUAGES
from locutor.text.normalize import normalize
from locutor.training.dataset import Recording
from locutor.training.f5 import Batch, Clip, F5Objective, SpanConfig
from locutor.training.f5_lesson import Shape
from locutor.training.trainable import Defaults, Lesson

FRAMES_PER_CLIP = 1050  # a batch of n clips has at most n times so many frames (11.2 s), padding counted
MIN_CLIP_S, MAX_CLIP_S = 0.3, 30.0  # what upstream trains on


class F5Trainable:
    """An F5 objective in the batches of an epoch; upstream reads its checkpoints too."""

    adapter_targets = (
        r"transformer_blocks\.\d+\.attn\.(to_q|to_k|to_v|to_out\.0)",
        r"transformer_blocks\.\d+\.ff\.ff\.(0\.0|2)",
    )
    defaults = Defaults(full_learning_rate=1e-5, lora_learning_rate=1e-4)

    def __init__(
        self, network: DiT, vocab_file: Path, clips: list[Clip], held_out: list[Clip], batch_size: int
    ) -> None:
        """vocab_file: goes beside every checkpoint."""
        config = SpanConfig(frames_per_batch=batch_size * FRAMES_PER_CLIP, max_clips=batch_size)
        self.network, self._vocab_file = network, vocab_file
        self._objective = F5Objective(network, clips, held_out, config)
        self.n_batches = self._objective.n_batches

    @classmethod
    def of(cls, lesson: Lesson) -> "F5Trainable":
        """Raises OptionError when no clip can be used, or when the base is an adapter."""
        base, dataset = lesson.base, lesson.dataset
        if "adapter" in base.files:
            raise OptionError(f"{base.card.id} is an adapter; train its base, or export it merged and train that")
        vocabulary = read_vocabulary(base.files["vocab"])
        network = build_network(read_checkpoint(base.files["model"], base.card.config), vocabulary)
        train = [read_clip(recording, dataset.language, vocabulary) for recording in dataset.train]
        held_out = [read_clip(recording, dataset.language, vocabulary) for recording in dataset.held_out]
        clips = [clip for clip in train if clip is not None]
        if not clips:
            raise OptionError(f"no clip of dataset {dataset.name} is from {MIN_CLIP_S:g} s to {MAX_CLIP_S:g} s long")
        measured = [clip for clip in held_out if clip is not None]
        trained = network.to(lesson.device).requires_grad_(True)
        return cls(trained, base.files["vocab"], clips, measured, lesson.batch_size)

    def batch(self, index: int, generator: torch.Generator) -> Batch:
        return self._objective.batch_at(index)

    def held_out(self) -> list[Batch]:
        return self._objective.held_out()

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        return self._objective.loss(batch, generator)

    def can_be_recorded(self) -> bool:
        return self._objective.can_be_recorded()

    def shaped(self, batch: Batch, generator: torch.Generator) -> tuple[Shape, tuple[Tensor, ...]]:
        return self._objective.shaped(batch, generator)

    def loss_of(self, shape: Shape, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        return self._objective.loss_of(shape, tensors)

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
        return write_network(folder, self.network.config, self._vocab_file, tensors)


def write_network(folder: Path, config: F5Config, vocab_file: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
    """model.safetensors with upstream's EMA names, in float32; model.yaml; vocab.txt."""
    prefix = EMA_PREFIX + NETWORK_PREFIX
    named = {prefix + name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(named, folder / "model.safetensors")
    (folder / "model.yaml").write_text(yaml.safe_dump(config.model_dump(), sort_keys=False), encoding="utf-8")
    shutil.copyfile(vocab_file, folder / "vocab.txt")
    return {"model": "model.safetensors", "config": "model.yaml", "vocab": "vocab.txt"}


def read_clip(recording: Recording, language: str, vocabulary: Vocabulary) -> Clip | None:
    """Mel and tokens of a recording; None when it is too short or too long to learn from."""
    waveform = resample(io.read(recording.path), SAMPLE_RATE)
    if not MIN_CLIP_S <= waveform.duration_s <= MAX_CLIP_S:
        return None
    text = normalize(recording.text, language) if LANGUAGES[language].has_normalizer else recording.text
    ids = vocabulary.ids(tokenize(vocabulary.fit(text).text.strip()))
    return Clip(reference_mel(torch.from_numpy(waveform.samples)[None]), tuple(ids))
