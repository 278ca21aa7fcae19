"""Loading vocoders; one copy in memory, shared by the engines that use it."""

import threading
from collections.abc import Mapping
from pathlib import Path
from weakref import WeakValueDictionary

import torch
import yaml
from torch import Tensor

from locutor.audio.mel import HOP_LENGTH
from locutor.engines.vocos import Vocos, VocosConfig
from locutor.engines.weights import load_strict, read_weights
from locutor.errors import CheckpointError, NotFoundError

WEIGHT_NAMES = ("model.safetensors", "pytorch_model.bin")
FEATURE_PREFIX = "feature_extractor."  # the public file carries its mel filters too; ours are computed


def load_vocoder(path: Path, device: str | torch.device = "cpu", hop_length: int = HOP_LENGTH) -> Vocos:
    """Read a Vocos network in float32, ready to use.

    path: a weights file, or a folder with model.safetensors or pytorch_model.bin and perhaps the public config.yaml.
    hop_length: samples per mel frame, which weights do not tell; every other size is read off the tensors.
    Raises NotFoundError, CheckpointError.
    """
    file = _weights_file(path)
    _check_public_config(file.parent / "config.yaml", hop_length)
    content = {k: v for k, v in read_weights(file).items() if not k.startswith(FEATURE_PREFIX)}
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, and the caller's random state is not ours
        vocoder = Vocos(_config_of(content, str(file), hop_length))
    load_strict(vocoder, content, str(file))
    return vocoder.float().eval().requires_grad_(False).to(device)


class VocoderCache:
    """Loaded vocoders by file and device. It keeps none alive: memory returns when the last engine lets go."""

    def __init__(self) -> None:
        self._loaded: WeakValueDictionary[tuple[Path, float, str], Vocos] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, path: Path, device: str | torch.device = "cpu") -> Vocos:
        """The vocoder of a file or folder, loaded once per device; a file that changed is read again.

        Raises NotFoundError, CheckpointError.
        """
        file = _weights_file(path)
        key = (file.resolve(), file.stat().st_mtime, str(device))
        with self._lock:
            vocoder = self._loaded.get(key)
            if vocoder is None:
                vocoder = self._loaded[key] = load_vocoder(file, device)
            return vocoder

    def __len__(self) -> int:
        return len(self._loaded)


def _weights_file(path: Path) -> Path:
    if path.is_file():
        return path
    for name in WEIGHT_NAMES:
        if (path / name).is_file():
            return path / name
    raise NotFoundError(f"no vocoder at {path}: expected a weights file or a folder with {' or '.join(WEIGHT_NAMES)}")


def _config_of(tensors: Mapping[str, Tensor], source: str, hop_length: int) -> VocosConfig:
    try:
        embed = tensors["backbone.embed.weight"]  # (dim, n_mels, 7)
        widen = tensors["backbone.convnext.0.pwconv1.weight"]  # (intermediate_dim, dim)
        window = tensors["head.istft.window"]  # (n_fft,)
    except KeyError as error:
        raise CheckpointError(f"{source} is not a Vocos checkpoint: it has no tensor {error}") from error
    blocks = {name.split(".")[2] for name in tensors if name.startswith("backbone.convnext.")}
    return VocosConfig(
        n_mels=embed.shape[1],
        dim=embed.shape[0],
        intermediate_dim=widen.shape[0],
        n_layers=len(blocks),
        n_fft=window.shape[0],
        hop_length=hop_length,
    )


def _check_public_config(path: Path, hop_length: int) -> None:
    """Refuse the public variants that this network does not cover (other padding or hop)."""
    if not path.is_file():
        return
    try:
        head = yaml.safe_load(path.read_text(encoding="utf-8"))["head"]["init_args"]
        found = (head.get("padding", "same"), head["hop_length"])
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is not the config of a Vocos vocoder: {error!r}") from error
    if found != ("center", hop_length):
        raise CheckpointError(
            f"{path} describes a vocoder with padding {found[0]!r} and hop {found[1]}; "
            f"only padding 'center' and hop {hop_length} are supported"
        )
