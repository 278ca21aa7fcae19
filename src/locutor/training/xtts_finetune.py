"""Teaching XTTS-v2 a voice: its language model learns from recordings; what hears and what sounds stay as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from locutor.engines.checkpoints import Checkpoint, link_or_copy
from locutor.engines.xtts.checkpoint import Checkpoint as Weights
from locutor.engines.xtts.checkpoint import build_network, read_checkpoint
from locutor.engines.xtts.config import read_config
from locutor.engines.xtts.convert import write_tensors
from locutor.engines.xtts.dvae import read_code_encoder
from locutor.engines.xtts.gpt import Gpt
from locutor.engines.xtts.tokens import XttsTokenizer
from locutor.errors import CheckpointError, OptionError
from locutor.training.buckets import FrameBuckets
from locutor.training.trainable import Defaults, Lesson
from locutor.training.xtts import Example, losses
from locutor.training.xtts_clips import Clip, ClipReader, example

PART = "gpt."
TOKENS_PER_CLIP = 450  # upstream's longest clip; a batch of n clips has at most n times so many places, padding counted
OUTPUTS = ("model", "config", "vocab")


@dataclass(frozen=True)
class Source:
    """What every checkpoint is completed with: the base's other tensors and files."""

    weights: Weights
    files: Mapping[str, Path]


class XttsTrainable:
    """The language model in the batches of an epoch; coqui-tts reads its checkpoints too."""

    adapter_targets = (r"gpt\.h\.\d+\.attn\.(c_attn|c_proj)", r"gpt\.h\.\d+\.mlp\.(c_fc|c_proj)")
    # 5e-6 was asked for with LoRA too, but hardly moves an adapter (docs/finetuning.md).
    defaults = Defaults(full_learning_rate=5e-6, lora_learning_rate=1e-4, epochs=500)

    def __init__(
        self, gpt: Gpt, source: Source, mel_stats: Tensor, clips: Sequence[Clip], held_out: Sequence[Clip], size: int
    ) -> None:
        """mel_stats: (80,) on the CPU. size: clips a batch. Raises OptionError without clips."""
        if not clips:
            raise OptionError("there are no clips to train on")
        self.network, self._source, self._mel_stats = gpt, source, mel_stats
        self._clips, self._held_out = clips, held_out
        self._buckets, self._held_out_buckets = (_bucketed(each, size) for each in (clips, held_out))
        self.n_batches = len(self._buckets)

    @classmethod
    def of(cls, lesson: Lesson) -> "XttsTrainable":
        """Read the base and the recordings.

        Raises OptionError when no clip can be used, for a language without a token and for a base that is an adapter,
        CheckpointError when the base has no DVAE.
        """
        files, dataset = lesson.base.files, lesson.dataset
        _check(lesson.base)
        tokenizer = XttsTokenizer.read(files["vocab"])
        if not tokenizer.speaks(dataset.language):
            raise OptionError(
                f"{lesson.base.card.id} does not speak {dataset.language}: its vocabulary has no such token"
            )
        weights = read_checkpoint(files["model"])
        network = build_network(weights, read_config(files["config"]))
        network.gpt.config = network.gpt.config.model_copy(
            update={"start_text_token": tokenizer.start, "stop_text_token": tokenizer.stop}
        )
        encoder = read_code_encoder(files["dvae"]).to(lesson.device)
        if (n := encoder.codebook.embed.shape[1]) > network.gpt.config.num_audio_tokens - 2:
            raise CheckpointError(
                f"{files['dvae']} makes {n} different codes, but the language model knows "
                f"{network.gpt.config.num_audio_tokens - 2}"
            )
        stats = network.mel_stats.to(lesson.device)
        reader = ClipReader(tokenizer, encoder, stats, network.gpt.config, dataset.language)
        progress = _Progress(lesson, len(dataset.train) + len(dataset.held_out))
        train = reader.read_all(dataset.train, progress.advance)
        held_out = reader.read_all(dataset.held_out, progress.advance)
        if not train:
            raise OptionError(f"no clip of dataset {dataset.name} can be learned from; the log says why")
        gpt = network.gpt.to(lesson.device).requires_grad_(True)
        return cls(gpt, Source(weights, files), network.mel_stats.cpu(), train, held_out, lesson.batch_size)

    def batch(self, index: int, generator: torch.Generator) -> list[Example]:
        return [example(self._clips[i], self._mel_stats, generator) for i in self._buckets[index]]

    def held_out(self) -> list[list[Example]]:
        made = []
        for k, members in enumerate(self._held_out_buckets):
            generator = torch.Generator().manual_seed(k)
            made.append([example(self._held_out[i], self._mel_stats, generator) for i in members])
        return made

    def loss(self, batch: Sequence[Example], generator: torch.Generator) -> dict[str, Tensor]:
        found = losses(self.network, batch)
        return {"loss": found.total, "text": found.text, "codes": found.codes}

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
        own = {PART + name: tensor.float() for name, tensor in tensors.items()}
        return write_model(
            folder, replace(self._source.weights, tensors={**self._source.weights.tensors, **own}), self._source.files
        )


@dataclass
class _Progress:
    lesson: Lesson
    total: int
    done: int = 0

    def advance(self) -> None:
        self.done += 1
        if self.lesson.on_progress:
            self.lesson.on_progress(self.done, self.total)


def write_model(folder: Path, weights: Weights, files: Mapping[str, Path]) -> Mapping[str, str]:
    """model.safetensors by upstream's names, and the base's config.json, vocab.json and dvae.pth.

    The speakers of the base are left out: their latents were made by another language model.
    """
    write_tensors(weights.tensors, folder / "model.safetensors")
    roles = {"model": "model.safetensors"}
    for role, name in (("config", "config.json"), ("vocab", "vocab.json"), ("dvae", "dvae" + _suffix(files))):
        if role in files:
            link_or_copy(files[role], folder / name)
            roles[role] = name
    return roles


def _suffix(files: Mapping[str, Path]) -> str:
    return files["dvae"].suffix if "dvae" in files else ""


def _check(base: Checkpoint) -> None:
    if "adapter" in base.files:
        raise OptionError(f"{base.card.id} is an adapter; train its base, or export it merged and train that")
    if absent := [role for role in (*OUTPUTS, "dvae") if role not in base.files]:
        raise CheckpointError(
            f"the card of model {base.card.id!r} names no file for {', '.join(absent)}; to be taught, XTTS-v2 "
            "needs its weights, config.json, vocab.json and dvae.pth"
        )


def _bucketed(clips: Sequence[Clip], size: int) -> tuple[tuple[int, ...], ...]:
    return FrameBuckets.of([clip.n_tokens for clip in clips], size * TOKENS_PER_CLIP, size).batches
