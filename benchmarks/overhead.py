"""What the service adds to an engine's own time, call by call: `python benchmarks/overhead.py [--calls N]`.

The quick engine of the tests takes well under a millisecond, so nearly all of a call's time is the service's: HTTP,
voices and profiles out of the database, planning, the worker process and back. `locutor serve` runs beside it as users
run it. Prints medians and 90th percentiles in milliseconds; the exit code is 1 where the median is above 10 ms.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml
from served import served

from locutor.audio.io import read
from locutor.engines.base import synthesize
from locutor.types import SpeechRequest, SynthesisOptions

ROOT = Path(__file__).parents[1]
TONE_ENGINE = ROOT / "tests" / "tone_engine"
CARD = {"id": "tones", "engine": "tone", "title": "Tones", "languages": ["en"], "licence": "CC0-1.0"}
TEXT = "A sentence of sixty characters, a little more or a bit less."
MOST_MS = 10.0


def own(n: int) -> list[float]:
    """Milliseconds of the engine alone."""
    sys.path.insert(0, str(TONE_ENGINE))
    from tone_engine import ToneEngine

    engine = ToneEngine()
    voice = engine.encode_voice(read(ROOT / "src/locutor/voices/presets/default.flac"))

    def speak(seed: int) -> None:
        options = SynthesisOptions(seed=seed)
        request = SpeechRequest(text=TEXT, language="en", options=options)
        synthesize(engine, [engine.prepare(request, voice)], options)

    return timed(speak, n)


@contextmanager
def service() -> Iterator[httpx.Client]:
    """A running `locutor serve` with the quick engine's model."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "models" / "tones"
        model.mkdir(parents=True)
        (model / "card.yaml").write_text(yaml.safe_dump(CARD | {"commercial_use": True}))
        python_path = os.pathsep.join(filter(None, (str(TONE_ENGINE), os.environ.get("PYTHONPATH"))))
        more = {"LOCUTOR_MODEL": "tones", "LOCUTOR_LOG_LEVEL": "error", "PYTHONPATH": python_path}
        with served(Path(folder), **more) as url, httpx.Client(base_url=url, timeout=60) as client:
            yield client


def speak(client: httpx.Client, seed: int) -> None:
    body = {"model": "tones", "input": TEXT, "voice": "default", "response_format": "pcm", "seed": seed}
    client.post("/v1/audio/speech", json=body).raise_for_status()


def timed(run: Callable[[int], object], n: int) -> list[float]:
    """Milliseconds of n calls after three that are not counted."""
    took_ms = []
    for i in range(n + 3):
        start = time.perf_counter()
        run(i)
        took_ms.append(1000 * (time.perf_counter() - start))
    return took_ms[3:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    n = parser.parse_args().calls
    with service() as client:
        rows = {
            "engine": own(n),
            "GET /health": timed(lambda _: client.get("/health"), n),
            "POST /v1/audio/speech": timed(lambda i: speak(client, i), n),
        }
    for name, took_ms in rows.items():
        print(f"{name:24} median {statistics.median(took_ms):6.2f} ms  90 % {sorted(took_ms)[int(0.9 * n)]:6.2f} ms")
    added_ms = statistics.median(rows["POST /v1/audio/speech"]) - statistics.median(rows["engine"])
    print(f"{'added':24} median {added_ms:6.2f} ms  at most {MOST_MS:g} ms wanted")
    sys.exit(added_ms > MOST_MS)


if __name__ == "__main__":
    main()
