"""The composition root: settings in, the objects that serve them out."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from locutor.analysis.asr import WhisperTranscriber
from locutor.analysis.vad import SileroVad
from locutor.datasets import DatasetStore
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.device import choose_device, set_threads
from locutor.engines.registry import default_registry
from locutor.jobs.kinds import JobKinds
from locutor.jobs.runner import JobRunner
from locutor.jobs.store import JobStore
from locutor.profiles.builtins import default_of
from locutor.profiles.profile import QualityProfile
from locutor.profiles.store import ProfileStore
from locutor.serving.device import DeviceExecutor
from locutor.serving.executor import Executor
from locutor.serving.limits import ServingLimits
from locutor.serving.metrics import SpeechMetrics
from locutor.serving.models import ModelLoader
from locutor.serving.service import SpeechService
from locutor.serving.speak import LocalSpeech
from locutor.serving.worker import WorkerExecutor
from locutor.settings import Settings
from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import DATABASE_NAME, Database
from locutor.storage.owner import Owner
from locutor.text.lexicon import Lexicon
from locutor.types import Waveform
from locutor.voices.doctor import SpeechSeconds
from locutor.voices.library import VoiceLibrary, WriteDown
from locutor.voices.speakers import ModelSpeakers
from locutor.voices.store import Voice, VoiceStore


@dataclass(frozen=True, kw_only=True)
class Stores:
    """What an installation keeps on disk. Close it to let go of the database."""

    owner: Owner
    database: Database
    artefacts: ArtefactStore
    jobs: JobStore
    profiles: ProfileStore
    voices: VoiceLibrary
    checkpoints: CheckpointStore

    def close(self) -> None:
        self.voices.close()
        self.artefacts.close()
        self.database.close()
        self.owner.close()


def open_stores(settings: Settings) -> Stores:
    """Open the data folder, making and migrating the database if need be. Raises StorageError."""
    owner = Owner(settings.data_dir / "processes")
    database = Database(settings.data_dir / DATABASE_NAME)
    artefacts, checkpoints = ArtefactStore(settings.data_dir, database, owner), checkpoint_store(settings)
    voices = VoiceLibrary(
        database, artefacts, voice_store(settings), *_listeners(), speakers=ModelSpeakers(checkpoints)
    )
    return Stores(
        owner=owner,
        database=database,
        artefacts=artefacts,
        jobs=JobStore(database, artefacts),
        profiles=ProfileStore(database),
        voices=voices,
        checkpoints=checkpoints,
    )


def job_runner(stores: Stores, kinds: JobKinds, slots: Mapping[str, int] | None = None) -> JobRunner:
    """Works on the queued jobs of these kinds once started. slots: jobs of a lane at a time, one unless named."""
    return JobRunner(stores.jobs, kinds, stores.owner, slots)


def speech_backend(
    settings: Settings,
    limits: ServingLimits | None = None,
    *,
    in_process: bool = False,
    metrics: SpeechMetrics | None = None,
) -> SpeechService:
    """The service that speaks with the models of this installation on the devices of the settings.

    Each device is driven by a worker process of its own, so that an engine that crashes takes nothing else down, or by
    a thread of this process. Models are loaded when they are first needed, on each device for itself.
    """
    chosen, counted = limits or ServingLimits(), metrics or SpeechMetrics()

    def executor(device: str) -> Executor:
        load = _model_loader(settings, device)
        if in_process:
            return DeviceExecutor(load, chosen, counted.batch_done, load.device_name)
        return WorkerExecutor(load, chosen, counted.batch_done, counted.worker_restarts.inc, load.device_name)

    return SpeechService([executor(device) for device in settings.devices], settings.model, chosen, counted)


def _model_loader(settings: Settings, device: str) -> ModelLoader:
    return ModelLoader(
        data_dir=settings.data_dir,
        hub_url=settings.hub_url,
        offline=settings.offline,
        device=device,
        threads=settings.threads,
        lexicon=settings.lexicon,
    )


def checkpoint_store(settings: Settings) -> CheckpointStore:
    """The models of this installation."""
    return CheckpointStore(settings.data_dir, settings.hub_url, settings.offline)


def voice_store(settings: Settings) -> VoiceStore:
    """The voices of this installation."""
    return VoiceStore(settings.data_dir)


def dataset_store(settings: Settings) -> DatasetStore:
    """The datasets of this installation."""
    return DatasetStore(settings.data_dir / "datasets")


def find_voice(settings: Settings, voice: str) -> Voice:
    """A preset, a voice folder, of the library or a speaker of a model; NotFoundError names the nearest ones."""
    known = {v.id: v for v in voice_store(settings).list()}
    if voice in known:  # no database is opened, or made, for these
        return known[voice]
    stores = open_stores(settings)
    try:
        return stores.voices.get(voice)
    finally:
        stores.close()


def default_profile(settings: Settings, engine: str) -> QualityProfile:
    """The engine's quality profile where none was asked for; no database is made to look for it."""
    if not (settings.data_dir / DATABASE_NAME).is_file():
        return default_of(engine)
    stores = open_stores(settings)
    try:
        return stores.profiles.default(engine)
    finally:
        stores.close()


def lexicon(settings: Settings) -> Lexicon | None:
    """The user's pronunciations, if there is a file of them."""
    return Lexicon.load(settings.lexicon) if settings.lexicon else None


def local_speech(settings: Settings) -> LocalSpeech:
    """The model of the settings, loaded on their device.

    Raises NotFoundError for a model that is unknown or not pulled, OptionError for an unknown or absent device,
    CheckpointError for damaged weights.
    """
    set_threads(settings.threads)
    device = choose_device(settings.devices[0])
    checkpoint = checkpoint_store(settings).locate(settings.model)
    engine = default_registry().load(checkpoint, device.name)
    return LocalSpeech(engine=engine, checkpoint=checkpoint, device=device.name, lexicon=lexicon(settings))


def _listeners() -> tuple[SpeechSeconds | None, WriteDown | None]:
    """Voice activity and transcription by the models of the `asr` extra, loaded when first used; None without it."""
    return (
        _speech_seconds() if find_spec("silero_vad") and find_spec("onnxruntime") else None,
        _write_down() if find_spec("faster_whisper") else None,
    )


def _speech_seconds() -> SpeechSeconds:
    @cache
    def detector() -> SileroVad:
        return SileroVad()

    return lambda waveform: sum(span.end_s - span.start_s for span in detector().speech(waveform))


def _write_down() -> WriteDown:
    lock = threading.Lock()

    @cache
    def whisper() -> WhisperTranscriber:
        return WhisperTranscriber()

    def write_down(waveform: Waveform, language: str | None) -> str:
        with lock:
            return whisper().transcribe(waveform, language).text

    return write_down
