"""`locutor doctor`: is everything here that speaking needs?"""

import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import console, table
from locutor.cli.edge import FAILED
from locutor.errors import LocutorError

if TYPE_CHECKING:
    from locutor.settings import Settings

OK, NOTE, FAIL = "ok", "note", "FAIL"
_EXTRAS = {
    "f5": ("rjieba", "pypinyin"),
    "asr": ("faster-whisper", "jiwer"),
    "train": ("tensorboard",),
    "codecs": ("av",),
}
_LOW_DISK_BYTES = 2 << 30


@dataclass(frozen=True)
class Check:
    """One thing looked at. A note is worth knowing; a failure keeps Locutor from speaking."""

    name: str
    state: str
    detail: str


def doctor(
    speak: Annotated[bool, typer.Option(help="Load the model and let it say a word.")] = True,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
) -> None:
    """Look at the installation, and exit with 1 if something keeps it from speaking."""
    from locutor.settings import load_settings

    settings = load_settings(device=device)
    checks = list(_checks(settings, speak))
    grid = table(f"Locutor {version('locutor')}", "check", "state", "detail")
    for check in checks:
        grid.add_row(check.name, check.state, check.detail)
    console().print(grid)
    if any(check.state == FAIL for check in checks):
        raise typer.Exit(FAILED)


def _checks(settings: "Settings", speak: bool) -> Iterator[Check]:
    yield Check("python", OK, f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Check("torch", OK, version("torch"))
    yield _device(settings)
    yield from _kernels(settings)
    yield _configuration()
    yield _data_dir(settings.data_dir)
    yield from (_extra(name, packages) for name, packages in _EXTRAS.items())
    if speak:
        yield _speech(settings)


def _device(settings: "Settings") -> Check:
    from locutor.engines.device import choose_device, set_threads

    set_threads(settings.threads)
    try:
        device = choose_device(settings.devices[0])
    except LocutorError as error:
        return Check("device", FAIL, str(error))
    return Check("device", OK, f"{device.name} ({device.reason})")


def _kernels(settings: "Settings") -> Iterator[Check]:
    """On CUDA alone."""
    from locutor.engines.device import chosen_name, missing_for_triton

    with suppress(LocutorError):  # which the check of the device tells
        if chosen_name(settings.devices[0]).startswith("cuda"):
            missing = missing_for_triton()
            told = f"without {missing} F5-TTS and XTTS-v2 are slower" if missing else "Triton can build them"
            yield Check("kernels", NOTE if missing else OK, told)


def _configuration() -> Check:
    from locutor.settings import config_file, unknown_variables

    unknown = unknown_variables(os.environ)
    if unknown:
        return Check("settings", NOTE, f"nothing reads {', '.join(unknown)}; is it misspelt?")
    return Check("settings", OK, str(config_file() or "no locutor.toml; defaults and LOCUTOR_* variables"))


def _data_dir(folder: Path) -> Check:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Check("data folder", FAIL, f"{folder} cannot be written; set LOCUTOR_DATA_DIR to another")
    free = shutil.disk_usage(existing).free
    state = OK if free >= _LOW_DISK_BYTES else NOTE
    return Check("data folder", state, f"{folder}, {free / 1e9:.1f} GB free")


def _extra(name: str, packages: tuple[str, ...]) -> Check:
    missing = [package for package in packages if not _installed(package)]
    if missing:
        return Check(f"extra {name}", NOTE, f"{', '.join(missing)} not installed: pip install 'locutor[{name}]'")
    return Check(f"extra {name}", OK, ", ".join(f"{package} {version(package)}" for package in packages))


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _speech(settings: "Settings") -> Check:
    from locutor.bootstrap import local_speech
    from locutor.cli.synthesis import voice_of
    from locutor.types import SpeechRequest, SynthesisOptions

    start = time.perf_counter()
    try:
        voice = voice_of(settings)
        speech = local_speech(settings)
        loaded_s = time.perf_counter() - start
        request = SpeechRequest(text="Hello.", language=settings.lang, options=SynthesisOptions(seed=0))
        recipe = speech.speak(request, voice).recipe
    except LocutorError as error:
        return Check("speech", FAIL, str(error))
    spoke = f"said a word of {recipe.duration_s:.1f} s at RTF {recipe.rtf:.2f}"
    return Check("speech", OK, f"{recipe.model} loaded in {loaded_s:.1f} s, {spoke} as {voice.id}")
