"""What the service says about itself."""

from typing import Literal

from pydantic import BaseModel


class RootOut(BaseModel):
    """The front door, for people and programs."""

    name: str
    service: str
    version: str
    status: Literal["running"] = "running"
    links: dict[str, str]


class HealthOut(BaseModel):
    """healthy: it answers. The parts are those whose failure makes /ready say 503."""

    status: Literal["healthy", "unhealthy"]
    version: str
    uptime_s: float
    checks: dict[str, str]


class EngineHealth(BaseModel):
    """A model in memory, or one that could be loaded."""

    model: str
    engine: str
    installed: bool
    loaded: bool
    device: str | None = None
    users: int = 0
    n_loads: int = 0
    n_bytes: int = 0
    idle_s: float | None = None


class EnginesHealth(BaseModel):
    """What GET /health/engines answers. workers: ready, starting or down, by number. devices: what each worker drives,
    null until it has looked, which it does when it starts."""

    status: Literal["healthy", "unhealthy"]
    workers: dict[str, str]
    devices: dict[str, str | None]
    waiting: int
    running: int
    capacity: int
    engines: list[EngineHealth]


class PresetOut(BaseModel):
    """A voice that comes with Locutor."""

    id: str
    name: str
    language: str | None
    licence: str | None
    audio_url: str


class PresetsOut(BaseModel):
    """What GET /presets answers: presets by id, each usable as voice_preset of a job."""

    presets: dict[str, PresetOut]


class LanguageOut(BaseModel):
    """A language. models: installed models that speak it. has_normalizer: numbers and dates are read out."""

    code: str
    name: str
    aliases: list[str]
    models: list[str]
    has_normalizer: bool


class LanguagesOut(BaseModel):
    """What GET /languages answers: those that an installed model speaks."""

    languages: list[str]
    total: int
    examples: dict[str, str]
    details: list[LanguageOut]


class JobCounts(BaseModel):
    """Jobs by status."""

    total: int
    queued: int
    processing: int
    completed: int
    failed: int
    cancelled: int


class VoiceCounts(BaseModel):
    """Voices by where they come from. total_usage: how often those of the library have spoken."""

    total: int
    library: int
    presets_and_folders: int
    speakers: int
    total_usage: int


class FileStats(BaseModel):
    """Files of jobs and voices. free_bytes: left on the disk of the data folder."""

    files_count: int
    total_size_mb: float
    free_bytes: int


class SpeechStats(BaseModel):
    """Calls that wait and run, workers as in GET /health/engines, models in memory."""

    waiting: int
    running: int
    capacity: int
    workers: dict[str, str]
    models: list[str]


class StatsOut(BaseModel):
    """What GET /admin/stats answers."""

    jobs: JobCounts
    voice_profiles: VoiceCounts
    cache: FileStats
    speech: SpeechStats


class CleanupOut(BaseModel):
    """What cleanup frees. deleted: false when it was only asked what it would do."""

    deleted: bool
    message: str
    jobs: list[str]
    n_files: int
    n_bytes: int


class ModelLoaded(BaseModel):
    """What loading or unloading came to."""

    model: str
    loaded: bool
