"""Speed and memory of the built-in voice on this machine's CPU: `python benchmarks/builtin_cpu.py [--threads N]`.

Prints a table: loading, hearing a new reference, speaking about 3 and 10 s, by number of steps; medians of several
runs in one warm process, then `locutor say` from a cold shell, and the peak memory of each; last, how much speech a
second brings in batches, in the type that this CPU multiplies in by itself and in float32.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

SHORT = "The old lighthouse keeper waved at us from the rocks."
LONG = (
    "The old lighthouse keeper waved at us from the rocks, and then he turned around and walked slowly back to "
    "the house, where his dog was already waiting at the open door."
)


def median_s(run: Callable[[], object], n: int) -> float:
    times = []
    for _ in range(n):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def cold_say(threads: int) -> tuple[float, float]:
    """Seconds and megabytes of a whole `locutor say` process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "locutor.cli.main", "say", SHORT, "-o", f"{folder}/x.wav", "--seed", "1"]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=os.environ | {"LOCUTOR_THREADS": str(threads)})  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        return time.perf_counter() - start, usage.ru_maxrss / 1024


def rates(engine: Any, voice: Any) -> str:
    """Of the long text, so many at a time: the median of three."""
    from locutor.engines.base import synthesize
    from locutor.types import SpeechRequest, SynthesisOptions

    options = SynthesisOptions(seed=1)
    utterance = engine.prepare(SpeechRequest(text=LONG, language="en", options=options), voice)
    found = []
    for size in (1, 2, 4):
        engine.info = replace(engine.info, max_batch=size)
        batch = [utterance] * size
        speech_s = sum(waveform.duration_s for waveform in synthesize(engine, batch, options))
        found.append(f"{size}: {speech_s / median_s(partial(synthesize, engine, batch, options), 3):.2f}")
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()

    import torch

    from locutor.audio.io import read
    from locutor.engines.base import synthesize
    from locutor.engines.builtin.engine import WEIGHTS, BuiltinEngine, read_networks
    from locutor.engines.device import multiplies_bf16
    from locutor.types import SpeechRequest, SynthesisOptions

    torch.set_num_threads(given.threads)
    load = os.getloadavg()[0]
    print(f"{date.today()}, {processor()}, {given.threads} threads, torch {torch.__version__}, load {load:.1f}")
    preset = Path(__file__).parents[1] / "src/locutor/voices/presets/default.flac"
    start = time.perf_counter()
    engine = BuiltinEngine.load()
    print(f"weights {WEIGHTS.stat().st_size / 1e6:.1f} MB, loaded in {time.perf_counter() - start:.2f} s")
    reference = read(preset)
    voice = engine.encode_voice(reference)
    hearing_s = median_s(lambda: engine.encode_voice(reference), 3)
    print(f"reference of {reference.duration_s:.1f} s heard in {hearing_s:.2f} s")
    print("steps  guidance  speech s  median s  real-time factor")
    for nfe_step, cfg_strength in ((8, 2.0), (16, 2.0), (32, 2.0), (8, 0.0)):
        for text in (SHORT, LONG):
            options = SynthesisOptions(seed=1, nfe_step=nfe_step, cfg_strength=cfg_strength)
            request = SpeechRequest(text=text, language="en", options=options)

            def speak(request: SpeechRequest = request, options: SynthesisOptions = options) -> float:
                return synthesize(engine, [engine.prepare(request, voice)], options)[0].duration_s

            duration_s = speak()
            seconds = median_s(speak, given.runs)
            print(f"{nfe_step:5}  {cfg_strength:8.1f}  {duration_s:8.2f}  {seconds:8.2f}  {seconds / duration_s:.3f}")
    print(f"peak memory of this process {peak_mb():.0f} MB")
    runs = [cold_say(given.threads) for _ in range(3)]
    whole_s, most_mb = statistics.median(s for s, _ in runs), max(mb for _, mb in runs)
    print(f"locutor say, cold: median {whole_s:.1f} s, peak {most_mb:.0f} MB")
    for dtype in (torch.bfloat16, torch.float32) if multiplies_bf16("cpu") else (torch.float32,):
        networks = read_networks()
        networks.acoustic.multiply_in(dtype)
        engine = BuiltinEngine(networks)
        print(f"{dtype}, seconds of speech a second in batches of", rates(engine, engine.encode_voice(reference)))


if __name__ == "__main__":
    main()
