"""The soak script in small: kill -9 loses nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_killed_servers_and_workers_lose_nothing() -> None:
    command = [sys.executable, ROOT / "benchmarks" / "crash.py", "--kills", "3", "--jobs", "1", "--seed", "3"]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["kills"]["server"] >= 1 and report["jobs"] == 6 and set(report["lost"].values()) == {0}
