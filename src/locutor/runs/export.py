"""A saved model as a folder of its own, for another machine."""

import shutil
import tempfile
from pathlib import Path

from locutor.engines.download import disk_refused
from locutor.errors import OptionError
from locutor.runs.catalog import RunCatalog, SavedModel
from locutor.training import saved
from locutor.training.merge import write_merged


def export_model(catalog: RunCatalog, model_id: str, folder: Path, merge: bool) -> None:
    """Copy a saved model into a new folder, whole or not at all; merge: see write_merged.

    Raises OptionError for a bare weights file, StorageError.
    """
    model = catalog.model(model_id)
    if model.facts is None:
        raise OptionError(f"{model_id} is a bare weights file; only saved models can be exported")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".exporting_", dir=folder.parent) as building:
            made = Path(building) / folder.name
            if merge:
                made.mkdir()
                _merge(catalog, model, made)
            else:
                shutil.copytree(model.path, made)
            made.rename(folder)
    except OSError as error:
        raise disk_refused(folder, error) from error


def _merge(catalog: RunCatalog, model: SavedModel, folder: Path) -> None:
    assert model.facts is not None
    checkpoint = catalog.open(model.id)
    roles = write_merged(folder, checkpoint)
    origin = saved.Origin(catalog.get(model.run).config(), catalog.open(f"{model.run}/base"), lora=None)
    saved.write_card(folder, saved.card_of(folder, roles, origin, model.facts))
