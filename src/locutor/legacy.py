"""Variables of the program that Locutor replaces, for those who bring its .env along: what each is called here.

`locutor serve` reads the renamed ones where neither a LOCUTOR_ variable nor the file sets them, and warns of the
others. Plain names such as HOST or DEBUG are set by shells and other programs too; they are never taken for ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locutor.errors import OptionError
from locutor.settings import Settings, load_settings, origins

RENAMED = {
    "PORT": "port",
    "LOG_LEVEL": "log_level",
    "MAX_FILE_SIZE_MB": "max_upload_mb",
    "MAX_TEXT_LENGTH": "max_text_chars",
    "LOW_VRAM": "low_vram",
    "MAX_CONCURRENT_JOBS": "jobs_at_once",
    "JOB_TIMEOUT_MINUTES": "timeout_minutes",
    "CACHE_TTL_HOURS": "job_ttl_hours",
    "CACHE_CLEANUP_INTERVAL_MINUTES": "cleanup_minutes",
}

_NO_BROKER = "jobs are kept in the data folder and done by processes of the service; no broker is needed"
_OWN_FOLDER = "everything lives under LOCUTOR_DATA_DIR"
_PER_REQUEST = "give it with a request, or in a quality profile"
_RETRIES = "jobs are tried again by themselves"
_NO_FFMPEG = "ffmpeg is not used"
_TRAINING = "an option of `locutor train`"

REMOVED = {
    "HOST": "set LOCUTOR_HOST",
    "DEBUG": "set LOCUTOR_DEBUG",
    "REDIS_URL": _NO_BROKER,
    "CELERY_BROKER_URL": _NO_BROKER,
    "CELERY_RESULT_BACKEND": _NO_BROKER,
    "CELERY_TASK_TIME_LIMIT": _NO_BROKER,
    "CELERY_TASK_SOFT_TIME_LIMIT": _NO_BROKER,
    "TASK_TIMEOUT_SECONDS": "set LOCUTOR_TIMEOUT_MINUTES",
    "CELERY_WORKER_PREFETCH_MULTIPLIER": _NO_BROKER,
    "CELERY_WORKER_MAX_TASKS_PER_CHILD": _NO_BROKER,
    "VOICE_PROFILE_TTL_DAYS": "voices are never deleted by age",
    "CACHE_MAX_SIZE_MB": "no cache of finished audio is kept; jobs have a time to live",
    "MAX_DURATION_MINUTES": "a reference is 1 to 60 s long, a text at most LOCUTOR_MAX_TEXT_CHARS",
    "XTTS_MODEL": "set LOCUTOR_MODEL to a name of `locutor models list`",
    "XTTS_DEVICE": "set LOCUTOR_DEVICE",
    "XTTS_FALLBACK_CPU": "no device is taken in place of the one that was asked for",
    "XTTS_TEMPERATURE": _PER_REQUEST,
    "XTTS_REPETITION_PENALTY": _PER_REQUEST,
    "XTTS_LENGTH_PENALTY": _PER_REQUEST,
    "XTTS_TOP_K": _PER_REQUEST,
    "XTTS_TOP_P": _PER_REQUEST,
    "XTTS_SPEED": _PER_REQUEST,
    "XTTS_TEXT_SPLITTING": "long texts are always split",
    "XTTS_SAMPLE_RATE": "a model speaks at its own rate",
    "XTTS_MAX_TEXT_LENGTH": "set LOCUTOR_MAX_TEXT_CHARS",
    "XTTS_MIN_REF_DURATION": "a reference is 1 to 60 s long",
    "XTTS_MAX_REF_DURATION": "a reference is 1 to 60 s long",
    "MAX_RETRIES": _RETRIES,
    "RETRY_DELAY_SECONDS": _RETRIES,
    "CIRCUIT_BREAKER_THRESHOLD": "a worker that ends is started again",
    "CIRCUIT_BREAKER_TIMEOUT": "a worker that ends is started again",
    "UPLOAD_DIR": _OWN_FOLDER,
    "PROCESSED_DIR": _OWN_FOLDER,
    "TEMP_DIR": _OWN_FOLDER,
    "VOICE_PROFILES_DIR": _OWN_FOLDER,
    "MODELS_DIR": _OWN_FOLDER,
    "LOG_DIR": "the log goes to stderr; let the system keep it",
    "LOG_ROTATION": "the log goes to stderr; let the system keep it",
    "LOG_RETENTION": "the log goes to stderr; let the system keep it",
    "FFMPEG_THREADS": _NO_FFMPEG,
    "FFMPEG_AUDIO_CODEC": _NO_FFMPEG,
    "MAX_TRAIN_SAMPLES": _TRAINING,
    "NUM_EPOCHS": _TRAINING,
    "LOG_EVERY_N_STEPS": _TRAINING,
    "JWT_SECRET_KEY": "there are no signed tokens; see `locutor keys`",
    "FEATURE_QUALITY_PROFILES_ENABLED": "quality profiles are always there",
}


@dataclass(frozen=True)
class ServerSettings:
    """settings: with the renamed variables applied. origins: where each value comes from. warnings: full sentences."""

    settings: Settings
    origins: dict[str, str]
    warnings: tuple[str, ...]


def load_server_settings(environ: Mapping[str, str], **flags: Any) -> ServerSettings:
    """As load_settings, for the service; raises OptionError that names the old variable when its value is wrong."""
    settings, sources = load_settings(**flags), origins(environ)
    given = {name: value for name, value in flags.items() if value is not None}
    sources |= {name: f"--{name.replace('_', '-')}" for name in given}
    taken = {old: new for old, new in RENAMED.items() if old in environ and sources[new] == "default"}
    for old, new in taken.items():
        given[new], sources[new] = environ[old], old
        try:
            settings = load_settings(**given)
        except OptionError as error:
            raise OptionError(f"the variable {old}: {error}") from error
    return ServerSettings(settings, sources, tuple(_warnings(environ, taken)))


def _warnings(environ: Mapping[str, str], taken: Mapping[str, str]) -> list[str]:
    renamed = [f"{old} is called LOCUTOR_{new.upper()} here; it is read for now" for old, new in taken.items()]
    ignored = [
        f"{old} is not read, since LOCUTOR_{new.upper()}, the file or a flag sets it"
        for old, new in RENAMED.items()
        if old in environ and old not in taken
    ]
    removed = [f"{old} is not read: {why}" for old, why in REMOVED.items() if old in environ]
    return renamed + ignored + removed
