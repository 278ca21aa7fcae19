"""What --use-service saves: `python benchmarks/use_service.py [--calls 3]`.

`locutor say` alone, then `locutor say --use-service` in a new data folder: the first call starts the service and loads
the model, later ones find both. Prints wall times, the median later call over the cold ones, and how often the service
loaded a model; the exit code is 1 unless a later call takes at most a third of a cold one, with one load in all.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from locutor.local_service import look_up

TEXT = "The rain stopped."
LOADS = re.compile(r"^locutor_model_loads (\S+)$", re.MULTILINE)


def say_s(data_dir: Path, *more: str) -> float:
    """Wall time of one command, the interpreter's start included."""
    command = [sys.executable, "-m", "locutor.cli.main", "say", TEXT, "--seed", "1", "-o", str(data_dir / "out.wav")]
    begun = time.perf_counter()
    subprocess.run(
        [*command, *more], env=os.environ | {"LOCUTOR_DATA_DIR": str(data_dir)}, check=True, capture_output=True
    )
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3, help="with the service already there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="locutor-use-service-") as folder:
        data_dir = Path(folder)
        say_s(data_dir)  # the disk is read once
        cold_s, first_s = say_s(data_dir), say_s(data_dir, "--use-service")
        service = look_up(data_dir)
        assert service is not None
        try:
            later_s = statistics.median(say_s(data_dir, "--use-service") for _ in range(given.calls))
            found = LOADS.search(httpx.get(f"{service.url}/metrics").text)
            assert found is not None
            n_loads = float(found[1])
        finally:
            os.kill(service.pid, signal.SIGTERM)
            while look_up(data_dir) is not None:
                time.sleep(0.1)
    print(f"cold_s              {cold_s:.3f}   without the service")
    print(f"first_s             {first_s:.3f}   starts the service")
    print(f"later_s             {later_s:.3f}   median of {given.calls}")
    print(f"later_over_cold     {later_s / cold_s:.3f}")
    print(f"later_over_first    {later_s / first_s:.3f}")
    print(f"model_loads         {n_loads:g}")
    return int(later_s > cold_s / 3 or later_s > first_s / 3 or n_loads != 1)


if __name__ == "__main__":
    sys.exit(main())
