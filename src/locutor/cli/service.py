"""The local service behind --use-service: found where one runs, else started, and left running for the next command."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locutor.cli.console import say as remark
from locutor.errors import LocutorError, OptionError, ServiceError
from locutor.storage.owner import usable

if TYPE_CHECKING:
    from locutor.client import Client
    from locutor.local_service import LocalService

IDLE_EXIT_S = 900
_START_S = 120.0
_POLL_S = 0.05
_LOG = "service.log"


@contextlib.contextmanager
def local_client(data_dir: Path) -> "Iterator[Client]":
    """A client of the service of this data folder, which is started if none answers; it ends when nobody has used it
    for a quarter of an hour. Raises ServiceError when it cannot be started."""
    service = live_service(data_dir) or _start(data_dir)
    with _client(service) as client:
        yield client


def refuse(flags: dict[str, Any]) -> None:
    """Raise OptionError for the first of these flags that was given: they are the service's to decide."""
    for name, value in flags.items():
        if value is not None:
            raise OptionError(f"{name} belongs to the service; set it for the service, or leave --use-service out")


def _client(service: "LocalService") -> "Client":
    from locutor.client import Client

    return Client(service.url, service.key, verify=not service.url.startswith("https://127."))


def live_service(data_dir: Path) -> "LocalService | None":
    """The service of this data folder if it answers; one that was killed leaves its file behind."""
    from locutor.local_service import look_up

    service = look_up(data_dir)
    if service is None:
        return None
    try:
        with _client(service) as client:
            client.health()
    except LocutorError:
        return None
    return service


def _start(data_dir: Path) -> "LocalService":
    with _alone(data_dir):
        service = live_service(data_dir)  # somebody else may have started it while this process waited
        if service is not None:
            return service
        remark("starting a service; it ends when it was not used for a quarter of an hour")
        command = [sys.executable, "-m", "locutor.cli.main", "serve", "--host", "127.0.0.1", "--port", "0"]
        with (data_dir / _LOG).open("wb") as log:
            process = subprocess.Popen(
                [*command, "--idle-exit", str(IDLE_EXIT_S)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "LOCUTOR_DATA_DIR": str(data_dir.resolve())},
            )
        return _wait(data_dir, process)


def _wait(data_dir: Path, process: "subprocess.Popen[bytes]") -> "LocalService":
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        service = live_service(data_dir)
        if service is not None and service.pid == process.pid:
            return service
        if process.poll() is not None:
            lines = (data_dir / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise ServiceError(f"the service ended while it started: {lines[-1] if lines else 'it said nothing'}")
        time.sleep(_POLL_S)
    process.terminate()
    raise ServiceError(f"the service did not answer within {_START_S:g} s; see {data_dir / _LOG}")


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """One process at a time starts a service; systems without flock (Windows) may start two, and use the later one."""
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    with usable(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "service.lock").open("wb")
    with file as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
