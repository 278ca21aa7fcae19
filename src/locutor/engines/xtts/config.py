"""Sizes of an XTTS-v2 network, read from the config.json that its checkpoints come with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from locutor.errors import CheckpointError, NotFoundError

PROMPT_SAMPLE_RATE = 22_050  # what the conditioning and the audio codes are made from
OUTPUT_SAMPLE_RATE = 24_000
CODE_STRIDE = 1024  # samples at PROMPT_SAMPLE_RATE that one audio code stands for
CODE_RATE = PROMPT_SAMPLE_RATE / CODE_STRIDE  # codes per second
LATENT_HOP = 256  # samples per frame of the vocoder, at its own rate
UPSTREAM_PREFIX = "gpt_"


class XttsConfig(BaseModel):
    """An XTTS-v2 network; the defaults are the released one's. Unknown keys are errors.

    max_audio_tokens and max_text_tokens are as in config.json; the tables of positions have a few rows more.
    The sizes from cond_blocks on are constants in coqui-tts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    layers: int = Field(default=30, gt=0)
    n_model_channels: int = Field(default=1024, gt=0)
    n_heads: int = Field(default=16, gt=0)
    max_audio_tokens: int = Field(default=605, gt=3)
    max_text_tokens: int = Field(default=402, gt=0)
    max_prompt_tokens: int = Field(default=70, gt=0)
    number_text_tokens: int = Field(default=6681, gt=1)
    start_text_token: int = Field(default=261, ge=0)
    stop_text_token: int = Field(default=0, ge=0)
    num_audio_tokens: int = Field(default=1026, gt=2)
    start_audio_token: int = Field(default=1024, ge=0)
    stop_audio_token: int = Field(default=1025, ge=0)
    cond_blocks: int = Field(default=6, ge=0)
    n_latents: int = Field(default=32, gt=0)
    perceiver_depth: int = Field(default=2, gt=0)
    perceiver_heads: int = Field(default=8, gt=0)
    perceiver_head_dim: int = Field(default=64, gt=0)
    speaker_dim: int = Field(default=512, gt=0)
    speaker_filters: tuple[int, int, int, int] = (32, 64, 128, 256)
    speaker_layers: tuple[int, int, int, int] = (3, 4, 6, 3)
    speaker_attention: int = Field(default=128, gt=0)
    vocoder_channels: int = Field(default=512, gt=0)
    upsample_rates: tuple[int, ...] = (8, 8, 2, 2)
    upsample_kernels: tuple[int, ...] = (16, 16, 4, 4)
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)

    @model_validator(mode="after")
    def _sizes_agree(self) -> "XttsConfig":
        if self.n_model_channels % self.n_heads:
            raise ValueError(
                f"n_model_channels ({self.n_model_channels}) must be a multiple of n_heads ({self.n_heads})"
            )
        if max(self.start_audio_token, self.stop_audio_token) >= self.num_audio_tokens:
            raise ValueError(f"start and stop audio tokens must be below num_audio_tokens ({self.num_audio_tokens})")
        if len(self.upsample_rates) != len(self.upsample_kernels):
            raise ValueError("upsample_rates and upsample_kernels must have the same length")
        if self.vocoder_hop != LATENT_HOP:
            raise ValueError(f"upsample_rates must multiply to {LATENT_HOP}, not {self.vocoder_hop}")
        return self

    @property
    def vocoder_hop(self) -> int:
        """Samples per vocoder frame."""
        hop = 1
        for rate in self.upsample_rates:
            hop *= rate
        return hop

    @property
    def max_codes(self) -> int:
        """Audio codes of one utterance, the stop code among them."""
        return self.max_audio_tokens - 3

    @property
    def n_audio_positions(self) -> int:
        return self.max_audio_tokens + 3

    @property
    def n_text_positions(self) -> int:
        return self.max_text_tokens + 2


def upstream_config(content: Mapping[str, Any], source: str) -> XttsConfig:
    """The sizes in a config.json of coqui-tts, whose other keys (training, other models) do not matter here.

    Raises CheckpointError for XTTS-v1, which has no perceiver, and for sizes that this network does not have.
    """
    args = content.get("model_args")
    if not isinstance(args, Mapping):
        raise CheckpointError(f"{source} is not a config of XTTS: it has no model_args")
    if not args.get("gpt_use_perceiver_resampler", False):
        raise CheckpointError(f"{source} is a config of XTTS-v1 (no perceiver); only XTTS-v2 is supported")
    _check_constants(args, source)
    known = {UPSTREAM_PREFIX + name: name for name in XttsConfig.model_fields}
    sizes = {known[key]: value for key, value in args.items() if key in known and value is not None}
    return parse_config(sizes | dict(content.get("sizes", {})), source)


def _check_constants(args: Mapping[str, Any], source: str) -> None:
    fixed = {
        "input_sample_rate": PROMPT_SAMPLE_RATE,
        "output_sample_rate": OUTPUT_SAMPLE_RATE,
        "output_hop_length": LATENT_HOP,
        "gpt_code_stride_len": CODE_STRIDE,
        "cond_d_vector_in_each_upsampling_layer": True,
    }
    for name, wanted in fixed.items():
        if args.get(name, wanted) != wanted:
            raise CheckpointError(f"{source}: {name} must be {wanted}, not {args[name]!r}")


def parse_config(content: Mapping[str, Any], source: str) -> XttsConfig:
    """Check a mapping of sizes. Raises CheckpointError naming the keys that are wrong."""
    tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    try:
        return XttsConfig.model_validate(tupled)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors())
        raise CheckpointError(f"the XTTS config {source} is wrong: {wrong}") from error


def read_config(path: Path) -> XttsConfig:
    """Read a config.json. Raises NotFoundError, CheckpointError."""
    if not path.is_file():
        raise NotFoundError(f"no config file at {path}; an XTTS checkpoint comes with a config.json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} instead of a config")
    return upstream_config(content, str(path))
