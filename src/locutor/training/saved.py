"""The models that a run saves: a folder each, complete with card, so that it can speak wherever it is put."""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from torch import Tensor

from locutor.engines.card import CARD_NAME, CardFile, ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.engines.download import disk_refused, sha256_of
from locutor.engines.lora import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    LoraConfig,
    adapter_of,
    write_adapter,
)
from locutor.errors import StorageError
from locutor.training.checkpoint import UNFINISHED
from locutor.training.run_config import RunConfig
from locutor.training.trainable import Trainable

FACTS_NAME = "checkpoint.json"
LAST, BEST = "model_last", "model_best"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a saved model besides its card. held_out: losses on clips that were never learned."""

    name: str
    epoch: int
    step: int
    method: str
    base: str
    base_sha256: str
    held_out: dict[str, float]
    n_bytes: int = 0
    created_at: float = 0.0


@dataclass(frozen=True)
class Origin:
    """What all models of a run have in common. lora: of an adapter, None for a full fine-tune."""

    config: RunConfig
    base: Checkpoint
    lora: LoraConfig | None


def save_model(folder: Path, trainable: Trainable, tensors: Mapping[str, Tensor], origin: Origin, facts: Facts) -> Path:
    """Write `tensors`, a state of the trainable's network, as folder/NAME, whole or not at all; returns that folder.

    Raises StorageError when the disk refuses.
    """
    target = folder / facts.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder) as building:
            unfinished = Path(building) / facts.name
            unfinished.mkdir()
            roles = _write_weights(unfinished, trainable, tensors, origin)
            n_bytes = sum((unfinished / name).stat().st_size for name in roles.values())
            complete = asdict(facts) | {"n_bytes": n_bytes, "created_at": time.time()}
            (unfinished / FACTS_NAME).write_text(json.dumps(complete, indent=1) + "\n", encoding="utf-8")
            write_card(unfinished, card_of(unfinished, roles, origin, facts))
            if target.exists():
                shutil.rmtree(target)  # of a run that went back to before it
            os.replace(unfinished, target)
    except OSError as error:
        raise disk_refused(target, error) from error
    except SafetensorError as error:
        raise StorageError(f"could not write {target}: {error}") from error
    return target


def point(folder: Path, link: str, name: str) -> None:
    """Make folder/model_last or folder/model_best stand for the model of that name, in one go."""
    beside = folder / f".{link}.tmp"
    try:
        beside.unlink(missing_ok=True)
        beside.symlink_to(name, target_is_directory=True)
        os.replace(beside, folder / link)
    except OSError as error:
        raise disk_refused(folder / link, error) from error


def read_facts(model: Path) -> Facts | None:
    """None for a folder without them."""
    path = model / FACTS_NAME
    if not path.is_file():
        return None
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Facts(**known)


def models_of(folder: Path) -> list[Facts]:
    """Saved models in the order in which they were saved, links left out."""
    found = [read_facts(path) for path in folder.glob("[!.]*") if path.is_dir() and not path.is_symlink()]
    return sorted((facts for facts in found if facts is not None), key=lambda facts: (facts.step, facts.created_at))


def prune(folder: Path, keep_last: int) -> list[str]:
    """Remove all but the newest models and those the links stand for; returns the names of those removed."""
    spared = {(folder / link).resolve().name for link in (LAST, BEST) if (folder / link).is_symlink()}
    removed = [facts.name for facts in models_of(folder)[:-keep_last] if facts.name not in spared]
    for name in removed:
        shutil.rmtree(folder / name)
    return removed


def card_of(folder: Path, roles: Mapping[str, str], origin: Origin, facts: Facts) -> ModelCard:
    """The card of a saved model: the rights of its base, the hashes of its own files."""
    base = origin.base.card
    files = tuple(
        CardFile(role=role, path=name, size=(folder / name).stat().st_size, sha256=sha256_of(folder / name))
        for role, name in roles.items()
    )
    languages = tuple(dict.fromkeys((*base.languages, origin.config.language)))
    return ModelCard(
        id=re.sub(r"[^a-z0-9._-]", "-", f"{origin.config.model_name}.{facts.name}".lower())[:64],
        engine=base.engine,
        title=f"{origin.config.model_name}, epoch {facts.epoch}: {facts.method} fine-tune of {base.id}",
        languages=languages,
        licence=base.licence,
        licence_url=base.licence_url,
        commercial_use=base.commercial_use,
        config=base.config if origin.lora else None,
        requires=(origin.config.base,) if origin.lora else base.requires,
        base_sha256=origin.base.sha256 if origin.lora else None,
        files=files,
    )


def _write_weights(
    folder: Path, trainable: Trainable, tensors: Mapping[str, Tensor], origin: Origin
) -> Mapping[str, str]:
    if origin.lora is None:
        return trainable.write(folder, tensors)
    write_adapter(folder, adapter_of(trainable.network, origin.lora, origin.base.card.id, tensors))
    return {"adapter": WEIGHTS_NAME, "adapter_config": CONFIG_NAME}


def write_card(folder: Path, card: ModelCard) -> None:
    """The last file of a model's folder."""
    facts = card.model_dump(mode="json", exclude_defaults=True)
    (folder / CARD_NAME).write_text(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), encoding="utf-8")
