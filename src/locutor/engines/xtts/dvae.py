"""The encoder that turns speech into the audio codes XTTS-v2 is taught with. It is not needed to speak.

b: batch, m: mel bands, t: mel frames, c: codes (a quarter of the frames), k: channels of the codebook, v: its entries.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from locutor.engines.weights import load_strict, read_weights
from locutor.engines.xtts.mel import N_MELS
from locutor.errors import CheckpointError

ENCODER, CODEBOOK = "encoder.", "codebook.embed"
PREFIX = "dvae."


class ResBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) + x


class Codebook(nn.Module):
    embed: Tensor

    def __init__(self, channels: int, n_entries: int) -> None:
        super().__init__()
        self.register_buffer("embed", torch.zeros(channels, n_entries))

    def forward(self, x: Tensor) -> Tensor:
        """The nearest entry of each vector, (b, c, k) -> (b, c)"""
        distance = x.square().sum(-1, keepdim=True) - 2 * x @ self.embed + self.embed.square().sum(0)
        return distance.argmin(-1)


class CodeEncoder(nn.Module):
    """Upstream's DiscreteVAE without its decoder."""

    def __init__(self, n_entries: int, hidden: int = 512, channels: int = 512) -> None:
        super().__init__()
        inner = 2 * hidden
        self.encoder = nn.Sequential(
            nn.Sequential(nn.Conv1d(N_MELS, hidden, 3, 2, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv1d(hidden, inner, 3, 2, padding=1), nn.ReLU()),
            *(ResBlock(inner) for _ in range(3)),
            nn.Conv1d(inner, channels, 1),
        )
        self.codebook = Codebook(channels, n_entries)

    @torch.inference_mode()
    def forward(self, mel: Tensor) -> Tensor:
        """CODE_MEL's log-mel (b, m, t) -> codes (b, ceil(t / 4))"""
        return self.codebook(self.encoder(mel).transpose(1, 2))


def read_code_encoder(path: Path) -> CodeEncoder:
    """From dvae.pth or a file of upstream's trainer; the decoder and the codebook's statistics in it are left out.

    Raises NotFoundError, CheckpointError.
    """
    content: dict[str, Any] = read_weights(path)
    named = content.get("model", content)
    tensors = {name.removeprefix(PREFIX): value for name, value in named.items()}
    kept = {k: v for k, v in tensors.items() if k.startswith(ENCODER) or k == CODEBOOK}
    first, book = kept.get("encoder.0.0.weight"), kept.get(CODEBOOK)
    if first is None or book is None:
        raise CheckpointError(f"{path} is no DVAE of XTTS: it lacks encoder.0.0.weight or {CODEBOOK}")
    encoder = CodeEncoder(n_entries=book.shape[1], hidden=first.shape[0], channels=book.shape[0])
    load_strict(encoder, {k: v.float() for k, v in kept.items()}, str(path))
    return encoder.eval().requires_grad_(False)
