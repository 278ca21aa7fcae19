"""Random weights for XTTS-v2 by upstream's tensor names, alike in coqui-tts and in this package."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from random_weights import draw
from torch import Tensor

SIZES: dict[str, Any] = dict(
    layers=3,
    n_model_channels=64,
    n_heads=4,
    max_audio_tokens=260,
    max_text_tokens=60,
    num_audio_tokens=130,
    start_audio_token=128,
    stop_audio_token=129,
    speaker_dim=16,
    speaker_filters=(8, 8, 16, 16),
    speaker_layers=(2, 1, 2, 1),
    vocoder_channels=32,
)
DVAE_SIZES = dict(n_entries=128, hidden=16, channels=16)
TRAINED_TEXTS = ("hello there, what now?", "another one")
STOP_LOGIT = -3.0  # added, so that greedy runs last
CONSTANTS = ("torch_spec.0.filter", "spectrogram.window", "mel_scale.fb")  # of the method, not weights


def draw_xtts(name: str, shape: torch.Size, seed: int = 0) -> Tensor:
    """The tensor of that name; batch norms get a variance above 0, mel_stats lies about -5."""
    if name.endswith("num_batches_tracked"):
        return torch.tensor(7)
    values = draw(name, shape, seed)
    if name.endswith("running_var"):
        return 1 + values.abs()
    if name == "mel_stats":
        return -5 + values
    if name.endswith("parametrizations.weight.original0"):
        return (2.0 if ".ups." in name else 0.7) * (1 + 0.2 * values)  # neither silent nor clipped
    if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight", "bn1.weight", "bn2.weight", "downsample.1.weight")):
        return 1 + values
    if name.endswith("mel_head.bias"):
        values[-1] += STOP_LOGIT
    return values


def sound(duration_s: float, rate: int, level: float = 0.3, pitch_hz: float = 120) -> NDArray[np.float32]:
    """A gliding tone with harmonics and some noise, (n_samples,)."""
    t = np.arange(int(rate * duration_s)) / rate
    phase = 2 * np.pi * (pitch_hz * t + 30 * np.sin(3 * t))
    tone = sum(np.sin(k * phase) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(9 * t))
    hiss = np.random.RandomState(7).standard_normal(t.size)
    return (level * (0.5 * tone + 0.05 * hiss)).astype(np.float32)


def is_drawn(name: str) -> bool:
    return not name.endswith(CONSTANTS)


def vocabulary() -> dict[str, Any]:
    """A byte-pair tokenizer as vocab.json holds it: letters, a few merges, and upstream's special tokens."""
    special = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[pt]", "[de]", "[zh-cn]"]
    letters = [*"abcdefghijklmnopqrstuvwxyzãáâçéêíóôõúäöüß.,!?'-12345"]
    merges = [("t", "h"), ("th", "e"), ("o", "u"), ("i", "n"), ("e", "r"), ("a", "n")]
    tokens = [*special, *letters, *("".join(pair) for pair in merges)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            dict(id=i, content=token, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
            for i, token in enumerate(special)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [" ".join(pair) for pair in merges],
        },
    }
