"""Sizes of the built-in model's three networks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """The acoustic network: phonemes and a reference -> mel.

    n_tokens: phoneme symbols, without the filler. patch: mel frames that one position of the transformer stands for.
    """

    n_tokens: int
    n_languages: int = 2
    n_mels: int = 100
    patch: int = 2
    dim: int = 384
    depth: int = 12
    ff_mult: int = 2
    text_dim: int = 256
    text_layers: int = 4


@dataclass(frozen=True, kw_only=True)
class DurationConfig:
    """The duration network: phonemes and a reference -> frames of each phoneme."""

    n_tokens: int
    n_languages: int = 2
    n_mels: int = 100
    dim: int = 128
    n_layers: int = 4
    n_reference_layers: int = 4


@dataclass(frozen=True, kw_only=True)
class G2PConfig:
    """The grapheme-to-phoneme network: letters -> phonemes, `slots` phoneme places a letter."""

    n_letters: int
    n_tokens: int
    n_languages: int = 2
    dim: int = 192
    depth: int = 6
    ff_mult: int = 4
    slots: int = 3
