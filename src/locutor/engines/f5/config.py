"""Sizes and variants of F5 networks, and how the variant of a checkpoint file is found."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from locutor.audio.mel import N_MELS
from locutor.engines.f5.modules import HEAD_DIM
from locutor.errors import CheckpointError, NotFoundError

NAMES = ("F5TTS_v1_Base", "F5TTS_Base", "F5TTS_Small", "F5TTS_v1_Small")
MAX_LINKS = 40  # as many as Linux follows

# Released folders whose name is not that of their config.
VARIANTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "F5TTS_v1_Base_no_zero_init": ("F5TTS_v1_Base", {}),
    "F5TTS_Base_bigvgan": ("F5TTS_Base", {"mel_kind": "bigvgan"}),
}


class F5Config(BaseModel):
    """An F5 network. Unknown keys are errors.

    text_mask_padding and pe_attn_head are what sets v0 (False, 1) and v1 (True, None) apart; the tensors do not show
    it. pe_attn_head: how many heads get rotary positions, None for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str
    dim: int = Field(gt=0)
    depth: int = Field(gt=0)
    heads: int = Field(gt=0)
    ff_mult: int = Field(default=2, gt=0)
    text_dim: int = Field(default=512, gt=0)
    conv_layers: int = Field(default=4, ge=0)
    text_mask_padding: bool
    pe_attn_head: int | None = Field(gt=0)
    qk_norm: Literal["rms_norm"] | None = None
    n_mels: int = Field(default=N_MELS, gt=0)
    mel_kind: Literal["vocos", "bigvgan"] = "vocos"

    @model_validator(mode="after")
    def _sizes_agree(self) -> "F5Config":
        if self.dim % 16 or self.text_dim % 2:
            raise ValueError(f"dim must be a multiple of 16 and text_dim even, not {self.dim} and {self.text_dim}")
        if self.pe_attn_head is not None and self.pe_attn_head > self.heads:
            raise ValueError(f"pe_attn_head must be at most heads ({self.heads}), not {self.pe_attn_head}")
        return self

    @property
    def inner_dim(self) -> int:
        """Width of all heads together."""
        return self.heads * HEAD_DIM


ConfigChoice: TypeAlias = F5Config | str | Path | Mapping[str, Any]
"""A config, its packaged name, a YAML or JSON file, or a mapping."""


def packaged_config(name: str) -> F5Config:
    """One of NAMES, or a released variant of one. Raises NotFoundError for another name."""
    base, changes = VARIANTS.get(name, (name, {}))
    if base not in NAMES:
        raise NotFoundError(f"no F5 config named {name!r}; there are {', '.join((*NAMES, *VARIANTS))}")
    text = (files(__package__) / "configs" / f"{base}.yaml").read_text(encoding="utf-8")
    return parse_config({**yaml.safe_load(text), **changes}, name)


def parse_config(content: Any, source: str) -> F5Config:
    """Check a mapping. Raises CheckpointError naming the keys that are wrong."""
    try:
        return F5Config.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors())
        raise CheckpointError(f"the F5 config {source} is wrong: {wrong}") from error


def read_config(path: Path) -> F5Config:
    """Read a YAML or JSON file. Raises NotFoundError, CheckpointError."""
    if not path.is_file():
        raise NotFoundError(f"no config file at {path}")
    text = path.read_text(encoding="utf-8")
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise CheckpointError(f"{path} is not readable as {path.suffix}: {error}") from error
    return parse_config(content, str(path))


def find_config(checkpoint: Path, choice: ConfigChoice | None = None) -> F5Config:
    """Config of a checkpoint file: the given one, else a sidecar beside the file, else by the folder's name.

    A sidecar is `<file>.yaml` or `<file>.json`, with or without the file's own suffix. A wrong variant would load
    without complaint and speak noise, so nothing is guessed: raises CheckpointError when none of the three tells.
    """
    if choice is not None:
        return _chosen(choice)
    for stem in (checkpoint, checkpoint.with_suffix("")):
        for suffix in (".yaml", ".json"):
            sidecar = stem.with_name(stem.name + suffix)
            if sidecar.is_file():
                return read_config(sidecar)
    known = {_squeeze(name): name for name in (*NAMES, *VARIANTS)}
    for name in (checkpoint.stem, *_folder_names(checkpoint)):
        if _squeeze(name) in known:
            return packaged_config(known[_squeeze(name)])
    raise CheckpointError(
        f"cannot tell which F5 variant {checkpoint} is (v0 and v1 have the same tensors): pass config= one of "
        f"{', '.join(NAMES)}, put a {checkpoint.name}.yaml beside it, or name its folder after the variant"
    )


def _folder_names(file: Path) -> Iterator[str]:
    """Of the folders that a file is in, from link to link: a hub's cache has links to files named by their hash."""
    file = file.absolute()
    for _ in range(MAX_LINKS):
        yield file.parent.name
        if not file.is_symlink():
            break
        file = file.parent / file.readlink()
    yield file.resolve().parent.name


def _chosen(choice: ConfigChoice) -> F5Config:
    match choice:
        case F5Config():
            return choice
        case Path():
            return read_config(choice)
        case str():
            is_file = choice.endswith((".yaml", ".yml", ".json"))
            return read_config(Path(choice)) if is_file else packaged_config(choice)
        case _:
            return parse_config(dict(choice), "given")


def _squeeze(name: str) -> str:
    """Spelling without case and separators: F5TTS_v1_Base and f5tts-v1-base are the same."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
