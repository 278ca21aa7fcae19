"""The speech service under load, against the engine's own rate: `python benchmarks/serve.py [--url http://127.0.0.1:8005]`.

1. The engine's own batched rate: seconds of speech a second of time, full batches, nothing else running.
2. What the service adds to one call: each sentence is spoken by the engine and then by the service, with the same seed;
   the median of the differences.
3. Load: clients that each ask for the next sentence as soon as they have the last, for a while. Goodput in seconds of
   speech a second, how long calls took, whether every client was served, refusals, errors, growth of memory from the
   second third to the last.
4. A long text: time to the first audio, of a service at rest and at once after another text was broken off, against
   the whole text spoken sentence by sentence.

Without --url the service runs here with a worker process; with it, 2 to 4 go over HTTP to a running server. A refusal
(429) is waited out and asked again. Prints a table and, with --json, writes the figures to a file.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SENTENCES = (
    "The old lighthouse keeper waved at us from the rocks.",
    "Nobody had seen the river that high in forty years.",
    "She folded the letter twice and put it in her coat.",
    "By noon the market was empty and the rain had begun.",
    "He asked for a ticket to the last station on the line.",
    "A small boat came round the point with its lamp lit.",
)
LONG_TEXT = " ".join(SENTENCES * 4)
REST_S = 3.0  # after which a service has done with a text that was broken off

Say = Callable[[str, int], float]
"""Speak a text with a seed; returns the seconds of speech, or raises."""


class Refused(Exception):
    """The queue was full. retry_after_s: when to come again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("the queue is full")
        self.retry_after_s = retry_after_s


@dataclass
class Tally:
    """What happened to the calls of one client."""

    took_s: list[float] = field(default_factory=list)
    speech_s: float = 0.0
    n_refused: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass
class Target:
    """A service under test. first_audio: seconds to the first audio of a text; pids: whose memory counts."""

    say: Say
    first_audio: Callable[[str], float]
    pids: Callable[[], list[int]]


def family(pid: int) -> list[int]:
    """A process and its children."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for children in lists for child in children.read_text().split())]


def memory_mb(pids: list[int]) -> float:
    """Resident memory of processes."""
    total = 0.0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
    return total


def own_engine(threads: int) -> tuple[Callable[[Sequence[str], int], float], int]:
    """Speaks texts as one batch with a seed, and returns the seconds of speech; how many it takes at most."""
    import torch

    from locutor.audio.io import read
    from locutor.engines.base import synthesize
    from locutor.engines.builtin.engine import BuiltinEngine
    from locutor.types import SpeechRequest, SynthesisOptions

    torch.set_num_threads(threads)
    engine = BuiltinEngine.load()
    voice = engine.encode_voice(read(Path(__file__).parents[1] / "src/locutor/voices/presets/default.flac"))

    def speak(texts: Sequence[str], seed: int) -> float:
        """Prepare and solve, as a service must."""
        options = SynthesisOptions(seed=seed)
        requests = [SpeechRequest(text=text, language="en", options=options) for text in texts]
        utterances = [engine.prepare(request, voice) for request in requests]
        return sum(w.duration_s for w in synthesize(engine, utterances, SynthesisOptions()))

    return speak, engine.info.max_batch


def batched_rate(speak: Callable[[Sequence[str], int], float], max_batch: int, n_batches: int) -> float:
    """Seconds of speech a second of time, in full batches."""
    draw = random.Random(0)
    speak(SENTENCES[:max_batch], 0)
    start = time.perf_counter()
    speech_s = sum(speak(draw.choices(SENTENCES, k=max_batch), i) for i in range(n_batches))
    return speech_s / (time.perf_counter() - start)


def pairs(own: Callable[[Sequence[str], int], float], say: Say, n: int) -> dict[str, float]:
    """One call alone by the engine and by the service, in turns."""
    took = []
    for i in range(n):
        text = SENTENCES[i % len(SENTENCES)]
        took.append((seconds(lambda: own([text], i)), seconds(lambda: say(text, i))))
    engine_s, call_s = (statistics.median(times) for times in zip(*took, strict=True))
    added_ms = 1000 * statistics.median(service - engine for engine, service in took)
    return {"engine_call_s": engine_s, "call_s": call_s, "added_ms": added_ms}


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@contextmanager
def here(threads: int) -> Iterator[Target]:
    """A service of this process with its worker process."""
    from locutor.bootstrap import find_voice, speech_backend
    from locutor.errors import QueueFullError
    from locutor.serving.backend import SpeechCall
    from locutor.settings import Settings
    from locutor.types import SpeechRequest, SynthesisOptions

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), threads=threads)
        service, voice = speech_backend(settings), find_voice(settings, "default")

        def call(text: str, seed: int, early: bool = False) -> SpeechCall:
            request = SpeechRequest(text=text, language="en", options=SynthesisOptions(seed=seed))
            return SpeechCall.of(request, voice, early=early)

        def say(text: str, seed: int) -> float:
            try:
                return service.speak(call(text, seed)).waveform.duration_s
            except QueueFullError as full:
                raise Refused(full.retry_after_s) from full

        def first_audio(text: str) -> float:
            start = time.perf_counter()
            stream = service.stream(call(text, 1, early=True))
            next(iter(stream))
            took_s = time.perf_counter() - start
            stream.close()
            return took_s

        def pids() -> list[int]:
            return [os.getpid(), *(e.pid for e in service._executors if getattr(e, "pid", None))]  # type: ignore[attr-defined]

        try:
            yield Target(say, first_audio, pids)
        finally:
            service.close()


@contextmanager
def over_http(url: str, key: str | None, server_pid: int | None) -> Iterator[Target]:
    """A running server; its memory counts where its process id is given."""
    import httpx

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = httpx.Limits(max_connections=256)
    with httpx.Client(base_url=url, headers=headers, timeout=900, limits=limits) as client:

        def body(text: str, seed: int) -> dict[str, Any]:
            return {"model": "builtin", "input": text, "voice": "default", "response_format": "pcm", "seed": seed}

        def say(text: str, seed: int) -> float:
            answer = client.post("/v1/audio/speech", json=body(text, seed))
            if answer.status_code == 429:
                raise Refused(float(answer.headers.get("Retry-After", 1)))
            answer.raise_for_status()
            return len(answer.content) / 2 / 24_000

        def first_audio(text: str) -> float:
            start = time.perf_counter()
            with client.stream("POST", "/v1/audio/speech", json=body(text, 1)) as answer:
                next(answer.iter_bytes())
                return time.perf_counter() - start

        yield Target(say, first_audio, lambda: family(server_pid) if server_pid else [])


def client(target: Target, seed: int, until: float, tally: Tally) -> None:
    """Ask again and again until the time is over; the last call is waited for."""
    draw = random.Random(seed)
    while time.monotonic() < until:
        start = time.monotonic()
        try:
            tally.speech_s += patient(target, draw.choice(SENTENCES), draw.randrange(2**31), tally)
        except Exception as error:  # the benchmark counts what goes wrong, whatever it is
            tally.errors.append(f"{type(error).__name__}: {error}")
            continue
        tally.took_s.append(time.monotonic() - start)


def patient(target: Target, text: str, seed: int, tally: Tally) -> float:
    while True:
        try:
            return target.say(text, seed)
        except Refused as refused:
            tally.n_refused += 1
            time.sleep(refused.retry_after_s)


def watched_mb(target: Target, seconds: float) -> float:
    """Memory over a while, the median: it rises and falls with every batch."""
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found.append(memory_mb(target.pids()))
        time.sleep(0.5)
    return statistics.median(found)


def load(target: Target, n_clients: int, seconds: float) -> dict[str, Any]:
    tallies = [Tally() for _ in range(n_clients)]
    begun = time.monotonic()
    threads = [
        threading.Thread(target=client, args=(target, i, begun + seconds, tally)) for i, tally in enumerate(tallies)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 3)
    warm_mb, late_mb = (watched_mb(target, seconds / 3) for _ in range(2))
    for thread in threads:
        thread.join()
    took_s = sorted(t for tally in tallies for t in tally.took_s)
    elapsed_s = time.monotonic() - begun
    return {
        "clients": n_clients,
        "seconds": elapsed_s,
        "calls": len(took_s),
        "goodput": sum(tally.speech_s for tally in tallies) / elapsed_s,
        "median_s": statistics.median(took_s),
        "p95_s": took_s[int(0.95 * (len(took_s) - 1))],
        "max_s": took_s[-1],
        "max_over_median": took_s[-1] / statistics.median(took_s),
        "fewest_calls_of_a_client": min(len(tally.took_s) for tally in tallies),
        "refused": sum(tally.n_refused for tally in tallies),
        "errors": [error for tally in tallies for error in tally.errors],
        "memory_mb": late_mb,
        "memory_growth": late_mb / warm_mb - 1 if warm_mb else None,
    }


def first_audio_s(target: Target, rest_s: float) -> float:
    """Of a long text, each a while after the one before was broken off."""
    found = []
    for _ in range(5):
        time.sleep(rest_s)
        found.append(target.first_audio(LONG_TEXT))
    return statistics.median(found)


def measure(target: Target, given: argparse.Namespace) -> dict[str, Any]:
    hurried_s, first_s = first_audio_s(target, 0.0), first_audio_s(target, REST_S)
    start = time.perf_counter()
    for i, sentence in enumerate(SENTENCES * 4):
        target.say(sentence, i)
    by_sentence_s = time.perf_counter() - start
    found = {
        "first_audio_s": first_s,
        "first_audio_at_once_s": hurried_s,
        "by_sentence_s": by_sentence_s,
        "first_audio_share": first_s / by_sentence_s,
    }
    return found | load(target, given.clients, given.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batches", type=int, default=8, help="of the engine's own rate")
    parser.add_argument("--calls", type=int, default=18, help="one after the other, to see what the service adds")
    parser.add_argument("--url", help="a running server, such as http://127.0.0.1:8005")
    parser.add_argument("--key", default=os.environ.get("LOCUTOR_API_KEY"))
    parser.add_argument("--server-pid", type=int, help="whose memory is watched, with its workers'")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, Any] = {"threads": given.threads, "load_before": os.getloadavg()[0]}
    own, max_batch = own_engine(given.threads)
    figures["engine_rate"] = batched_rate(own, max_batch, given.batches)
    where = over_http(given.url, given.key, given.server_pid) if given.url else here(given.threads)
    with where as target:
        target.say(SENTENCES[0], 0)  # loads the model and listens to the voice
        figures |= pairs(own, target.say, given.calls)
        figures |= measure(target, given)
    figures["goodput_share"] = figures["goodput"] / figures["engine_rate"]
    for name, value in figures.items():
        print(f"{name:26} {value:.3f}" if isinstance(value, float) else f"{name:26} {value}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))
    sys.exit(1 if figures["errors"] else 0)


if __name__ == "__main__":
    main()
