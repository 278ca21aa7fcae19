"""The composition root: settings in, the objects that serve them out."""

from locutor.datasets import DatasetStore
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.device import choose_device, set_threads
from locutor.engines.registry import default_registry
from locutor.serving.speak import LocalSpeech
from locutor.settings import Settings
from locutor.text.lexicon import Lexicon
from locutor.voices.store import VoiceStore


def checkpoint_store(settings: Settings) -> CheckpointStore:
    """The models of this installation."""
    return CheckpointStore(settings.data_dir, settings.hub_url, settings.offline)


def voice_store(settings: Settings) -> VoiceStore:
    """The voices of this installation."""
    return VoiceStore(settings.data_dir)


def dataset_store(settings: Settings) -> DatasetStore:
    """The datasets of this installation."""
    return DatasetStore(settings.data_dir / "datasets")


def lexicon(settings: Settings) -> Lexicon | None:
    """The user's pronunciations, if there is a file of them."""
    return Lexicon.load(settings.lexicon) if settings.lexicon else None


def local_speech(settings: Settings) -> LocalSpeech:
    """The model of the settings, loaded on their device.

    Raises NotFoundError for a model that is unknown or not pulled, OptionError for an unknown or absent device,
    CheckpointError for damaged weights.
    """
    set_threads(settings.threads)
    device = choose_device(settings.device)
    checkpoint = checkpoint_store(settings).locate(settings.model)
    engine = default_registry().load(checkpoint, device.name)
    return LocalSpeech(engine=engine, checkpoint=checkpoint, device=device.name, lexicon=lexicon(settings))
