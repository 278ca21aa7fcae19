"""`locutor infer --use-service`: a checkpoint file made known to the local service, once."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from locutor.errors import NotFoundError, OptionError

if TYPE_CHECKING:
    from locutor.client import Spoken

LAST = "infer.json"
VOCODER = "vocos-mel-24khz"
_SIDECARS = (".yaml", ".json")


def make_known(
    data_dir: Path, checkpoint: Path | None, vocab: Path | None, vocoder: Path | None, config: str | None
) -> str:
    """The model id of these files in this data folder; without files, that of the last ones.

    A model folder of links is made, so nothing is copied, and files that change make another model. Raises
    NotFoundError for a file that is not there, OptionError when only one of the two is given or none ever was.
    """
    if checkpoint is None and vocab is None:
        return _last(data_dir)
    if checkpoint is None or vocab is None:
        raise OptionError("-c/--checkpoint and -v/--vocab belong together; give both, or none to use the last ones")
    files = {"model": checkpoint, "vocab": vocab}
    if vocoder is not None:
        files["vocoder"] = vocoder / "model.safetensors" if vocoder.is_dir() else vocoder
    for path in files.values():
        if not path.is_file():
            raise NotFoundError(f"{path} is not a file")
    model = _identity(files, config)
    folder = data_dir / "models" / model
    if not folder.is_dir():
        _make_folder(folder, model, files, config)
    (data_dir / LAST).write_text(json.dumps({"model": model}), encoding="utf-8")
    return model


def ask(data_dir: Path, model: str, text: str, ref_audio: Path, options: Mapping[str, Any], format: str) -> "Spoken":
    """The local service's speech with that model."""
    from locutor.cli.service import local_client

    with local_client(data_dir) as client:
        return client.speak_as(
            text,
            ref_audio,
            format=format,
            model=model,
            quality_profile="plain",
            normalize=False,
            language="en",
            **options,
        )


def _last(data_dir: Path) -> str:
    try:
        model = str(json.loads((data_dir / LAST).read_text(encoding="utf-8"))["model"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise OptionError("give -c/--checkpoint and -v/--vocab the first time; see: locutor infer --help") from error
    if not (data_dir / "models" / model).is_dir():
        raise OptionError(f"the last model, {model}, was removed; give -c/--checkpoint and -v/--vocab again")
    return model


def _identity(files: Mapping[str, Path], config: str | None) -> str:
    """Of the files as they are now: a file that is overwritten is another model."""
    stats = [(role, str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for role, path in files.items()]
    return f"infer-{hashlib.sha256(json.dumps([stats, config]).encode()).hexdigest()[:12]}"


def _make_folder(folder: Path, model: str, files: Mapping[str, Path], config: str | None) -> None:
    part = folder.with_name(f".{model}.{secrets.token_hex(4)}.part")
    part.mkdir(parents=True)
    links = {role: f"{role}/{path.name}" for role, path in files.items()}
    for role, path in files.items():
        (part / role).mkdir()
        (part / links[role]).symlink_to(path.absolute())
    for sidecar in _sidecars(files["model"]):
        (part / "model" / sidecar.name).symlink_to(sidecar.absolute())
    card = {
        "id": model,
        "engine": "f5",
        "title": f"{files['model'].name}, given to locutor infer",
        "languages": ["en", "zh-CN"],
        "licence": "unknown",
        "commercial_use": False,
        "requires": [] if "vocoder" in files else [VOCODER],
        "files": [{"role": role, "path": path} for role, path in links.items()],
    }
    (part / "card.yaml").write_text(yaml.safe_dump(card | ({"config": config} if config else {})), encoding="utf-8")
    try:
        os.rename(part, folder)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        if not folder.is_dir():  # else another process was quicker, with the same files
            raise


def _sidecars(checkpoint: Path) -> list[Path]:
    stems = (checkpoint, checkpoint.with_suffix(""))
    return [path for stem in stems for end in _SIDECARS if (path := stem.with_name(stem.name + end)).is_file()]
