"""The voices that XTTS-v2 comes with: speakers_xtts.pth, a name -> latents and speaker vector."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from locutor.engines.weights import read_weights
from locutor.engines.xtts.voice import XttsVoice
from locutor.errors import CheckpointError


def read_speakers(path: Path) -> dict[str, XttsVoice]:
    """Raises NotFoundError, CheckpointError."""
    return {name: _voice(name, entry, path) for name, entry in read_weights(path).items()}


def _voice(name: str, entry: object, path: Path) -> XttsVoice:
    latents = entry.get("gpt_cond_latent") if isinstance(entry, Mapping) else None
    speaker = entry.get("speaker_embedding") if isinstance(entry, Mapping) else None
    if not isinstance(latents, Tensor) or not isinstance(speaker, Tensor):
        raise CheckpointError(f"{path}: speaker {name!r} has no gpt_cond_latent and speaker_embedding")
    return XttsVoice(latents.reshape(-1, latents.shape[-1]).float(), speaker.flatten().float())
