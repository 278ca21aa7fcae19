"""How fast XTTS-v2 speaks on a CPU: full size, random weights, in float32 and in 8 bits, beside coqui-tts.

    python benchmarks/xtts_cpu.py --threads 2
    python benchmarks/xtts_cpu.py --toy             a small network, to see that the script works

All of them speak the same weights for the same number of codes, in turn, so that other work on the machine slows them
alike; CPU time is told beside, which it changes less. Random weights do not stop by themselves, so the stop code is
forbidden. coqui-tts is left out where it is not installed.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

from xtts_gpu import FORBIDDEN, TEXT, Bench  # noqa: E402
from xtts_upstream import Upstream  # noqa: E402

from locutor.engines.base import synthesize  # noqa: E402
from locutor.engines.xtts.checkpoint import Checkpoint, build_network  # noqa: E402
from locutor.engines.xtts.engine import Plan, XttsEngine  # noqa: E402
from locutor.types import SpeechRequest, SynthesisOptions  # noqa: E402

OUTPUT_RATE = 24_000
Speak = Callable[[], float]


def own(bench: Bench, engine: XttsEngine) -> Speak:
    voice = engine.encode_voice(bench.reference)
    options = SynthesisOptions(seed=1, temperature=0.75, top_k=50, top_p=0.85)
    utterance = engine.prepare(SpeechRequest(text=TEXT, language="en", options=options), voice)
    return lambda: synthesize(engine, [utterance], options)[0].duration_s


def measured(speakers: dict[str, Speak], repeats: int) -> dict[str, dict[str, float]]:
    """Each in turn, the first round not counted."""
    wall: dict[str, list[float]] = {name: [] for name in speakers}
    cpu: dict[str, list[float]] = {name: [] for name in speakers}
    for round_ in range(repeats + 1):
        for name, speak in speakers.items():
            started, used = time.perf_counter(), time.process_time()
            spoken_s = speak()
            if round_:
                wall[name].append((time.perf_counter() - started) / spoken_s)
                cpu[name].append((time.process_time() - used) / spoken_s)
            print(f"   {name}: {time.perf_counter() - started:.1f} s for {spoken_s:.1f} s of speech", flush=True)
    return {
        name: {"RTF": round(statistics.median(wall[name]), 3), "CPU s per s": round(statistics.median(cpu[name]), 3)}
        for name in speakers
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="a small network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--codes", type=int, default=64, help="of each utterance, 21.5 a second")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", default="/tmp/xtts_bench", help="for a vocabulary")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.device = "cpu"
    bench = Bench(options)
    bench.n_codes = options.codes
    upstream = Upstream(bench.config, bench.folder, "cpu") if importlib.util.find_spec("TTS") else None
    torch.set_num_threads(options.threads)  # coqui-tts' trainer sets one at import
    if upstream is not None:
        upstream.forbid_stop(FORBIDDEN)
        upstream.limit(options.codes)

    def network() -> Any:
        made = build_network(Checkpoint(upstream.tensors(), "coqui-tts"), bench.config) if upstream else bench.network()
        return bench.endless(made)

    plan = replace(Plan.of("cpu"), max_batch=1)
    speakers: dict[str, Speak] = {
        "float32": own(bench, bench.engine(network(), replace(plan, int8=False))),
        "8 bits": own(bench, bench.engine(network(), plan)),
    }
    if upstream is not None:
        speakers["coqui-tts"] = lambda: upstream.speak(TEXT) / OUTPUT_RATE
    load = os.getloadavg()[0]
    results = measured(speakers, options.repeats)
    facts = {"threads": options.threads, "load before": round(load, 1), "load after": round(os.getloadavg()[0], 1)}
    print(json.dumps({"torch": torch.__version__} | facts | {"speech": results}, indent=1))


if __name__ == "__main__":
    main()
