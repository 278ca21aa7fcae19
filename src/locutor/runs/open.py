"""From settings to what works on training runs."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from locutor.bootstrap import Stores, checkpoint_store, dataset_store
from locutor.datasets import open_dataset
from locutor.engines.device import choose_device, set_threads
from locutor.engines.registry import default_registry
from locutor.errors import NotFoundError
from locutor.evaluation.evaluate import Listeners
from locutor.evaluation.listeners import load
from locutor.jobs.kinds import JobKind
from locutor.runs.appraise import Appraiser
from locutor.runs.catalog import RunCatalog
from locutor.runs.dataset_tasks import DatasetTasks
from locutor.runs.judge import local_speaker
from locutor.runs.speech import SavedModelSpeech
from locutor.runs.supervise import RunTasks
from locutor.serving.backend import SpeechBackend
from locutor.settings import ENV_PREFIX, Settings
from locutor.text.languages import parse_language
from locutor.training.dataset import TRAIN
from locutor.training.run_config import RunConfig
from locutor.training.teach import Teaching
from locutor.voices.store import Voice

log = logging.getLogger(__name__)

HANDED_ON = ("data_dir", "device", "threads", "offline", "hub_url", "mlflow_url", "debug")


def run_catalog(settings: Settings) -> RunCatalog:
    """The training runs of this installation."""
    return RunCatalog(settings.data_dir / "training", checkpoint_store(settings))


def run_tasks(settings: Settings, stores: Stores) -> RunTasks:
    """Runs as jobs; their processes are told the settings of this one."""
    values = {name: getattr(settings, name) for name in HANDED_ON}
    environ = {ENV_PREFIX + name.upper(): str(value) for name, value in values.items() if value is not None}
    environ["LOCUTOR_DATA_DIR"] = str(settings.data_dir.resolve())
    return RunTasks(stores.jobs, run_catalog(settings), environ)


def training_kinds(settings: Settings, stores: Stores, speech: SpeechBackend) -> list[JobKind]:
    """Everything that a service does besides speaking: runs, datasets, and the speech of saved models."""
    datasets = DatasetTasks(dataset_store(settings), stores.artefacts, settings.threads or 0)
    saved = SavedModelSpeech(run_catalog(settings), speech, stores.voices)
    return [run_tasks(settings, stores).kind(), *datasets.kinds(), *saved.kinds()]


def teaching(settings: Settings, run: str) -> Teaching:
    """The work of one run, to be done in this process."""
    set_threads(settings.threads)
    folder = run_catalog(settings).get(run)
    device = choose_device(settings.devices[0]).name

    def listen() -> Listeners:
        return load(lambda error: log.warning("left out of the evaluation: %s", error), settings.threads or 0)

    measured = appraiser(settings, run, listen, n_texts=folder.config().evaluated_texts)
    return Teaching(folder, checkpoint_store(settings), default_registry(), device, measured, settings.mlflow_url)


def appraiser(
    settings: Settings, run: str, listen: Callable[[], Listeners], others: Sequence[Voice] = (), n_texts: int = 12,
    seed: int = 0,
) -> Appraiser:  # fmt: skip
    """Whoever measures the models of a run, in this process."""
    set_threads(settings.threads)
    catalog = run_catalog(settings)
    return Appraiser(
        catalog=catalog,
        run=run,
        speaker=local_speaker(catalog, default_registry(), choose_device(settings.devices[0]).name),
        listen=listen,
        others=others,
        n_texts=n_texts,
        seed=seed,
    )


def run_config(settings: Settings, values: dict[str, Any]) -> RunConfig:
    """Settings of a run with the name of a dataset made its folder, and the language of its card filled in.

    Raises NotFoundError for an unknown dataset, OptionError for a setting that is wrong.
    """
    folder = dataset_store(settings).get(str(values["dataset"])).folder
    return config_of_folder(folder, values)


def config_of_folder(folder: Path, values: dict[str, Any]) -> RunConfig:
    """The same, from any folder that a dataset was built in. A language may be spelt in any way."""
    if not (folder / TRAIN).is_file():
        raise NotFoundError(f"dataset {folder.name} was not built yet: it has no {TRAIN}; run: locutor dataset build")
    if values.get("language") is None and (folder / "dataset.json").is_file():
        values = values | {"language": open_dataset(folder).language}
    if values.get("language") is not None:
        values = values | {"language": parse_language(values["language"])}
    given = {name: value for name, value in values.items() if value is not None}
    return RunConfig.of(given | {"dataset": os.path.abspath(folder)})
