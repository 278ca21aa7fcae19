"""`locutor serve` as a process of its own, for what measures or pictures it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_S = 120.0


@contextmanager
def served(data_dir: Path, **environ: str) -> Iterator[str]:
    """A service over a data folder, at the address that is yielded. environ: variables besides.

    Raises RuntimeError with the end of its log when it ends while it starts, or does not answer in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    own = {"LOCUTOR_DATA_DIR": str(data_dir), "LOCUTOR_REQUESTS_PER_MINUTE": "0"}
    command = [sys.executable, "-m", "locutor.cli.main", "serve", "--port", str(port)]
    with (data_dir / "serve.log").open("ab") as log:
        service = subprocess.Popen(command, env=os.environ | own | environ, stdout=log, stderr=log)
    try:
        _wait(url, service, data_dir / "serve.log")
        yield url
    finally:
        service.terminate()
        service.wait(60)


def _wait(url: str, service: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_S
    while service.poll() is None and time.monotonic() < end:
        try:
            httpx.get(f"{url}/ready", timeout=5).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError(f"the service did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
