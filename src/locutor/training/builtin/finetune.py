"""Teaching the built-in model one voice: its acoustic network learns from recordings, aligned by the model itself.

As in pre-training, new frames are learned given their phonemes and other frames of the voice; but whole clips are
learned, from silence to silence as they are spoken, and only in the bands that a recording has.
Shapes: b batch, f frames, c mel bands, n positions of the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from locutor.engines.builtin.engine import WEIGHTS, read_networks
from locutor.engines.builtin.network import AlignedDiT, Prefix
from locutor.errors import OptionError
from locutor.training.buckets import FrameBuckets
from locutor.training.builtin.clips import AlignedClip, aligned_clips
from locutor.training.flow import flow_sample
from locutor.training.trainable import Defaults, Lesson

PART = "acoustic."
REFERENCE_FRAMES = (192, 320, 480)  # 2 to 5 s, one length a batch
MIN_REFERENCE_FRAMES = 96
BOTH_DROP, REFERENCE_DROP, TEXT_DROP = 0.1, 0.08, 0.05  # as in pre-training, so that guidance goes on working
MAX_FRAMES = 1_000_000  # a batch is bounded by its clips


@dataclass(frozen=True)
class Batch:
    """mel: (b, f, c) log-mel, reference: (1, f_ref, c) log-mel of other clips, tokens, languages: (b, f),
    valid: (b, f) frames within a clip, counted: (b, c) bands that its recording has."""

    mel: Tensor
    reference: Tensor
    tokens: Tensor
    languages: Tensor
    valid: Tensor
    counted: Tensor


class BuiltinTrainable:
    """The acoustic network and the clips of a dataset."""

    adapter_targets = (
        r"blocks\.\d+\.attn\.(to_q|to_k|to_v|to_out)",
        r"blocks\.\d+\.ff\.ff\.(0\.0|2)",
        "input_proj",
        "reference_proj",
        "timbre_proj",
        r"(adaln|norm_out)\.linear",
        "proj_out",
    )
    defaults = Defaults(full_learning_rate=1e-4, lora_learning_rate=5e-4)

    def __init__(
        self, network: AlignedDiT, base: Path, train: list[AlignedClip], held_out: list[AlignedClip], batch_size: int
    ) -> None:
        """base: the file whose other parts come with every checkpoint. Raises OptionError for too little speech."""
        self.network, self._base = network, base
        self._clips, self._held_out = train, held_out
        lengths = [len(clip.mel) for clip in train]
        self._buckets = FrameBuckets.of(lengths, MAX_FRAMES, batch_size).batches
        self._held_out_buckets = FrameBuckets.of([len(c.mel) for c in held_out], MAX_FRAMES, batch_size).batches
        self.n_batches = len(self._buckets)
        largest = max(sum(lengths[i] for i in members) for members in self._buckets)
        self._spare_frames = sum(lengths) - largest
        if self._spare_frames < MIN_REFERENCE_FRAMES:
            raise OptionError(
                f"{len(train)} clips are too few for batches of {batch_size}: while some are learned, at least 1 s of "
                "others is heard; give more clips or a smaller batch_size"
            )

    @classmethod
    def of(cls, lesson: Lesson) -> "BuiltinTrainable":
        """Align the dataset's recordings, or take the alignments of an earlier run from the cache."""
        if "adapter" in lesson.base.files:
            raise OptionError(
                f"{lesson.base.card.id} is an adapter; train its base, or export it merged and train that"
            )
        base = lesson.base.files.get("model", WEIGHTS)
        networks = read_networks(base)
        for part in networks.parts().values():
            part.to(lesson.device)
        cache = lesson.cache / f"alignments_{lesson.base.sha256[:16]}.jsonl"
        train, held_out = aligned_clips(networks, lesson.dataset, cache, lesson.on_progress)
        return cls(networks.acoustic.requires_grad_(True), base, train, held_out, lesson.batch_size)

    def batch(self, index: int, generator: torch.Generator) -> Batch:
        members = self._buckets[index]
        return self._collate([self._clips[i] for i in members], self._reference(members, generator))

    def held_out(self) -> list[Batch]:
        made = []
        for k, members in enumerate(self._held_out_buckets):
            generator = torch.Generator().manual_seed(k)
            made.append(self._collate([self._held_out[i] for i in members], self._reference((), generator)))
        return made

    def loss(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        network, device = self.network, generator.device
        mel, b = network.normalize(batch.mel.to(device)), len(batch.mel)
        valid, counted = batch.valid.to(device), batch.counted.to(device)
        # One reference serves the batch, so it is heard once, and withheld from all or none, as upstream F5 does.
        drawn = torch.rand(3, generator=generator, device=device).tolist() if network.training else (1.0, 1.0, 1.0)
        is_unheard = torch.tensor([drawn[0] < BOTH_DROP or drawn[1] < REFERENCE_DROP], device=device)
        is_untold = torch.tensor([drawn[0] < BOTH_DROP or drawn[2] < TEXT_DROP], device=device).expand(b)
        heard = network.encode_reference(network.normalize(batch.reference.to(device)), dropped=is_unheard)
        # A position counts where any of its frames does: a clip of odd length goes on for one frame, as in synthesis.
        positions = valid.view(b, -1, network.config.patch).any(-1)
        of_frames = positions.repeat_interleave(network.config.patch, dim=1)[..., None].to(mel.dtype)
        text = network.embed_text(
            batch.tokens.to(device), batch.languages.to(device), dropped=is_untold, valid=of_frames
        )
        sample = flow_sample(mel, generator)
        predicted = network(sample.x, text, sample.time, repeated(heard, b), positions[..., None].to(mel.dtype))
        weight = valid[..., None] & counted[:, None]  # (b, f, c)
        error = (predicted.float() - sample.velocity.float()).square()
        return {"loss": error[weight.expand_as(error)].mean()}

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
        return write_acoustic(folder, self._base, tensors)

    def _collate(self, clips: list[AlignedClip], reference: Tensor) -> Batch:
        patch, n_mels = self.network.config.patch, reference.shape[1]
        longest = -(-max(len(clip.mel) for clip in clips) // patch) * patch
        b = len(clips)
        mel = self.network.mel_mean.detach().cpu().expand(b, longest, n_mels).clone()
        tokens = torch.zeros(b, longest, dtype=torch.long)
        languages, counted = torch.zeros_like(tokens), torch.zeros(b, n_mels, dtype=torch.bool)
        valid = torch.zeros(b, longest, dtype=torch.bool)
        for row, clip in enumerate(clips):
            n = len(clip.mel)
            mel[row, :n], tokens[row, :n] = clip.mel, clip.tokens
            tokens[row, n : -(-n // patch) * patch] = clip.tokens[-1]
            languages[row], counted[row, : clip.n_bands], valid[row, :n] = clip.language, True, True
        return Batch(mel, reference[None], tokens, languages, valid, counted)

    def _reference(self, left_out: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """(f_ref, c): other clips of the voice in any order, as many as it takes."""
        patch = self.network.config.patch
        wanted = REFERENCE_FRAMES[int(torch.randint(len(REFERENCE_FRAMES), (), generator=generator))]
        wanted = min(wanted, self._spare_frames) // patch * patch
        pieces, n_frames = [], 0
        for i in torch.randperm(len(self._clips), generator=generator).tolist():
            if i not in left_out and n_frames < wanted:
                pieces.append(self._clips[i].mel)
                n_frames += len(pieces[-1])
        return torch.cat(pieces)[:wanted]


def write_acoustic(folder: Path, base: Path, tensors: Mapping[str, Tensor]) -> Mapping[str, str]:
    """The file `base` with these tensors as the acoustic network, in half precision; the other parts as they are."""
    with safe_open(base, "pt") as file:
        metadata = dict(file.metadata() or {})
    kept = {name: tensor for name, tensor in load_file(base).items() if not name.startswith(PART)}
    own = {PART + name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
    save_file(kept | own, folder / "model.safetensors", metadata)
    (folder / "config.json").write_text(metadata["config"] + "\n", encoding="utf-8")
    return {"model": "model.safetensors"}


def repeated(prefix: Prefix, b: int) -> Prefix:
    """One reference for b samples."""
    pairs = [(keys.expand(b, -1, -1, -1), values.expand(b, -1, -1, -1)) for keys, values in prefix.keys_values]
    return Prefix(pairs, prefix.timbre.expand(b, -1))
