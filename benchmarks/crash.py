"""Kill the server or its worker at random and count what is lost: `python benchmarks/crash.py --kills 50`.

A server process (job runner, speech service with its worker process, the built-in voice) works on synthesis and cloning
jobs. Each round submits jobs, waits for a random moment at which some are under way, and sends SIGKILL to the server
or to the worker; a killed server is started again. Then every job must be completed in at most two attempts, with
one row and one file for each result, and nothing else may be left: no file without a row, no row without a file, no
process of a dead server. Prints a JSON report; the exit code is 1 when anything was lost.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

CLIP = Path(__file__).parents[1] / "tests" / "clips" / "voice_02.ogg"
TEXTS = ("The rain stopped.", "He left the door open.", "A small boat came home.", "Nobody knew the answer.")
DEADLINE_S = 1800.0


def serve(data_dir: Path) -> None:
    """The server: runs jobs until it is killed."""
    from locutor.bootstrap import job_runner, open_stores, speech_backend
    from locutor.settings import Settings
    from locutor.tasks import SpeechTasks

    settings = Settings(data_dir=data_dir, threads=1)
    stores = open_stores(settings)
    runner = job_runner(stores, SpeechTasks(stores, speech_backend(settings)).kinds(), {"speech": 3})
    runner.start()
    signal.pause()


def children(pid: int) -> list[int]:
    """Processes whose parent is pid."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Studio:
    """The server under test, and this process' own view of its data folder."""

    def __init__(self, data_dir: Path) -> None:
        from locutor.bootstrap import open_stores
        from locutor.settings import Settings

        self.data_dir = data_dir
        self.stores = open_stores(Settings(data_dir=data_dir))
        self.server = self.start()
        self.ghosts: set[int] = set()

    def start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, __file__, "--serve", str(self.data_dir)], stderr=subprocess.DEVNULL)

    def workers(self) -> list[int]:
        return [pid for pid in children(self.server.pid) if is_worker(pid)]

    def kill(self, victim: str) -> str:
        """SIGKILL to "server" or "worker"; the server when there is no worker."""
        workers = self.workers()
        if victim == "worker" and workers:
            os.kill(workers[0], signal.SIGKILL)
            return "worker"
        self.ghosts |= set(children(self.server.pid))
        self.server.kill()
        self.server.wait()
        self.server = self.start()
        return "server"

    def submit(self, n_jobs: int, draw: random.Random, round_number: int) -> list[str]:
        ids = []
        for _ in range(n_jobs):
            params = {"text": draw.choice(TEXTS), "language": "en", "voice": "default"}
            params |= {"options": {"nfe_step": 2, "seed": draw.randrange(2**31)}}
            ids.append(self.stores.jobs.submit("synthesize", params).id)
        staged = self.stores.artefacts.stage(CLIP.read_bytes(), filename="clip.ogg", media_type="audio/ogg")
        params = {"clips": [{"artefact": staged.id}], "name": f"voice {round_number}", "language": "en"}
        ids.append(self.stores.jobs.submit("clone_voice", params, uploads=[staged]).id)
        return ids

    def wait(self, ids: list[str]) -> list[Any]:
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            jobs = [self.stores.jobs.get(job_id) for job_id in ids]
            if all(job.status.is_final for job in jobs):
                return jobs
            time.sleep(0.05)
        return [self.stores.jobs.get(job_id) for job_id in ids]

    def wait_for_work(self, ids: list[str]) -> None:
        """Until one of the jobs is under way."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if any(self.stores.jobs.get(job_id).status == "processing" for job_id in ids):
                return
            time.sleep(0.01)

    def losses(self, n_voices: int) -> dict[str, int]:
        """What is left that should not be, or is not there that should be."""
        time.sleep(6)  # the runner sweeps every five seconds
        jobs = self.stores.jobs.list(limit=100_000)
        voices = self.stores.voices.records()
        named = [job.outputs["audio"] for job in jobs if "audio" in job.outputs]
        named += [clip.artefact for voice in voices for clip in voice.clips]
        files = Counter(path.name for path in (self.data_dir / "artefacts").rglob("*") if path.is_file())
        owners = {self.stores.owner.token, *(p.name for p in (self.data_dir / "processes").iterdir())}
        staged = [p for p in (self.data_dir / "staging").rglob("*") if p.is_file()]
        strays = [p for p in (self.data_dir / "staging").iterdir() if p.name not in owners]
        return {
            "results_named_twice": len(named) - len(set(named)),
            "files_without_a_row": len(files.keys() - set(named)),
            "rows_without_a_file": len(set(named) - files.keys()),
            "voices_missing_or_double": abs(len(voices) - n_voices),
            "staged_files_left": len(staged) + len(strays),
            "orphan_processes": sum(is_alive(pid) for pid in self.ghosts),
            "servers_with_two_workers": int(len(self.workers()) > 1),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=3, help="synthesis jobs of a round; one cloning job comes on top")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve)
    draw = random.Random(given.seed)
    victims = [("server", "worker")[n % 2] for n in range(given.kills)]  # both as often, in no order
    draw.shuffle(victims)
    begun, killed, attempts, unfinished = time.monotonic(), Counter[str](), Counter[int](), 0
    with tempfile.TemporaryDirectory(prefix="locutor-crash-") as folder:
        studio = Studio(Path(folder))
        for round_number in range(given.kills):
            ids = studio.submit(given.jobs, draw, round_number)
            studio.wait_for_work(ids)
            time.sleep(draw.uniform(0, 3))
            killed[studio.kill(victims[round_number])] += 1
            for job in studio.wait(ids):
                attempts[job.attempts] += 1
                unfinished += job.status != "completed"
            print(f"round {round_number + 1}: killed {dict(killed)}, attempts {dict(attempts)}", file=sys.stderr)
        report: dict[str, Any] = {"kills": dict(killed), "jobs": sum(attempts.values()), "attempts": dict(attempts)}
        lost = studio.losses(given.kills) | {"jobs_not_completed": unfinished}
        lost["jobs_with_more_than_two_attempts"] = sum(n for tries, n in attempts.items() if tries > 2)
        report |= {"lost": lost, "minutes": round((time.monotonic() - begun) / 60, 1)}
        studio.ghosts |= {studio.server.pid, *children(studio.server.pid)}
        studio.server.kill()
        studio.server.wait()
        time.sleep(3)
        lost["orphan_processes"] += sum(is_alive(pid) for pid in studio.ghosts)
        studio.stores.close()
    print(json.dumps(report))
    return int(any(lost.values()))


if __name__ == "__main__":
    sys.exit(main())
