"""The one reader of the environment and of `locutor.toml`.

Precedence: flags of a command, then `LOCUTOR_*` variables, then the TOML file, then the defaults below.
Only entry points (cli, api, bootstrap) import this module; everything else is handed what it needs.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from locutor.errors import NotFoundError, OptionError

ENV_PREFIX = "LOCUTOR_"
CONFIG_VARIABLE = "LOCUTOR_CONFIG"
CONFIG_NAME = "locutor.toml"
Names = Annotated[tuple[str, ...], NoDecode]
"""In a variable parted by commas, in TOML an array."""


def user_data_dir(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Where models and voices of one user live: XDG on Linux, Application Support on macOS, LOCALAPPDATA on Windows."""
    if platform == "darwin":
        return home / "Library" / "Application Support" / "locutor"
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "locutor"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "locutor"


def config_file() -> Path | None:
    """The TOML file in use: $LOCUTOR_CONFIG, which must exist, else ./locutor.toml if there is one."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise NotFoundError(f"{CONFIG_VARIABLE} names {named}, which is not a file")
        return Path(named)
    here = Path(CONFIG_NAME)
    return here if here.is_file() else None


class Settings(BaseSettings):
    """How this installation runs.

    data_dir: downloaded models and own voices. device: auto, cpu, cuda, cuda:N or mps, or several
    parted by commas: the service has a worker on each, everything else uses the first. threads: CPU threads of torch,
    None for its own choice. offline: refuse every download. model, voice, lang: what `locutor say` uses unless told.
    lexicon: file of pronunciations (locutor.text.lexicon). hub_url: where `locutor models pull` fetches from.
    mlflow_url: a tracking server that training runs write to, None for none. debug: show tracebacks.

    Of the service: host, port: where it listens; off loopback it asks for API keys. tls_cert, tls_key: PEM files.
    allowed_hosts: DNS names by which it may be called. cors_origins: foreign pages that may call it. session_hours: how
    long a login of a page lasts. requests_per_minute: of one address, 0 for no limit. max_upload_mb: size of a request
    with files. max_text_chars: length of one text. max_waiting: requests that may wait or be spoken, one more is
    refused. timeout_minutes: of one text. jobs_at_once: speech jobs under way together. low_vram: unload a model as
    soon as nothing uses it. memory_mb: of model weights; the one unused for longest makes room. unload_minutes: a model
    unused for longer is unloaded, None never. job_ttl_hours: how long an ended job and its audio are kept.
    cleanup_minutes: how often those whose time is over are deleted. log_level, log_format: of the service's log.
    webui: serve the page.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", validate_default=True)

    data_dir: Path = Field(default_factory=lambda: user_data_dir(sys.platform, os.environ, Path.home()))
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1, le=1024)
    offline: bool = False
    model: str = "builtin"
    voice: str = "default"
    lang: str = "en"
    lexicon: Path | None = None
    hub_url: str = Field(default="https://huggingface.co", pattern=r"^https?://")
    mlflow_url: str | None = Field(default=None, pattern=r"^https?://")
    debug: bool = False

    host: str = "127.0.0.1"
    port: int = Field(default=8005, ge=0, le=65535)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allowed_hosts: Names = ()
    cors_origins: Names = ()
    session_hours: float = Field(default=12, gt=0, le=24 * 90)
    requests_per_minute: int = Field(default=1200, ge=0)
    max_upload_mb: int = Field(default=50, ge=1, le=4096)
    max_text_chars: int = Field(default=50_000, ge=1)
    max_waiting: int = Field(default=128, ge=1, le=100_000)
    timeout_minutes: float = Field(default=15, ge=0.01, le=1440)
    jobs_at_once: int = Field(default=4, ge=1, le=64)
    low_vram: bool = False
    memory_mb: int | None = Field(default=None, ge=1)
    unload_minutes: float | None = Field(default=None, gt=0)
    job_ttl_hours: float = Field(default=168, gt=0, le=24 * 3650)
    cleanup_minutes: float = Field(default=30, gt=0, le=24 * 60)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    webui: bool = True

    @property
    def devices(self) -> tuple[str, ...]:
        """The names in `device`, at least one."""
        return tuple(name.strip() for name in self.device.split(",") if name.strip())

    @field_validator("device")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.replace(",", "").strip():
            raise ValueError("name at least one device, such as auto or cpu")
        return value

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_read_toml(config_file()))


def load_settings(**flags: Any) -> Settings:
    """Settings with the given flags on top; a flag that is None was not given.

    Raises OptionError for an unknown key or a value out of range, NotFoundError when $LOCUTOR_CONFIG names no file.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            raise OptionError(f"unknown setting {name!r}; settings are {', '.join(Settings.model_fields)}") from error
        raise OptionError(f"setting {name} cannot be {problem['input']!r}: {problem['msg']}") from error


def origins(environ: Mapping[str, str]) -> dict[str, str]:
    """Where the value of each setting comes from: the variable, the file, or "default"."""
    path, names = config_file(), {name.upper(): name for name in environ}
    in_file = _read_toml(path)
    found = {}
    for name in Settings.model_fields:
        variable = names.get(ENV_PREFIX + name.upper())
        found[name] = variable or (str(path) if name in in_file else "default")
    return found


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """LOCUTOR_* variables that nothing reads, most likely misspelt."""
    known = {CONFIG_VARIABLE} | {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} is not valid TOML: {error}") from error
