"""Speed of XTTS-v2 at full size on random weights, this package's beside coqui-tts' where that can be imported.

    python benchmarks/xtts_gpu.py                       on the first CUDA device
    python benchmarks/xtts_gpu.py --device cpu --toy    a small network, to see that the script works

Random weights do not stop by themselves, so the stop code is forbidden and every utterance has the same number of
codes; time does not depend on the weights' values. Each part is guarded: one that fails prints its traceback, and the
others go on. Times are medians of warm runs.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks"), str(ROOT / "recipes" / "goldens")]

from xtts_upstream import Upstream  # noqa: E402
from xtts_weights import SIZES, vocabulary  # noqa: E402

from locutor.engines.base import AudioChunk, synthesize  # noqa: E402
from locutor.engines.xtts.checkpoint import Checkpoint, build_network  # noqa: E402
from locutor.engines.xtts.config import CODE_RATE, XttsConfig  # noqa: E402
from locutor.engines.xtts.decoder import Decoder, Start  # noqa: E402
from locutor.engines.xtts.engine import Plan, XttsEngine  # noqa: E402
from locutor.engines.xtts.network import Xtts  # noqa: E402
from locutor.engines.xtts.sampling import SamplingOptions  # noqa: E402
from locutor.engines.xtts.tokens import XttsTokenizer  # noqa: E402
from locutor.types import SpeechRequest, SynthesisOptions, Waveform  # noqa: E402

TEXT = "the boats come home one by one, and the whole town smells of bread and salt. nobody speaks of the storm."
FORBIDDEN = -1e4
TOY = ("layers", "n_model_channels", "n_heads", "max_audio_tokens", "num_audio_tokens", "start_audio_token",
       "stop_audio_token")  # fmt: skip
RESULTS: dict[str, Any] = {}


@contextmanager
def part(name: str) -> Iterator[None]:
    print(f"== {name}", flush=True)
    start = time.perf_counter()
    try:
        yield
    except Exception:
        traceback.print_exc(file=sys.stdout)
        RESULTS[f"{name}: failed"] = traceback.format_exc().strip().splitlines()[-1]
    print(f"   {time.perf_counter() - start:.1f} s", flush=True)


def report(name: str, value: float, unit: str) -> None:
    RESULTS[f"{name}, {unit}"] = round(value, 4)
    print(f"   {name}: {value:.4g} {unit}", flush=True)


class Bench:
    def __init__(self, options: argparse.Namespace) -> None:
        self.device, self.toy = options.device, options.toy
        self.n_codes = 40 if self.toy else 300
        self.repeats = 2 if self.toy else 5
        self.batches = (1, 2) if self.toy else (1, 8, 32, 64)
        folder = Path(options.folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(vocabulary()), encoding="utf-8")
        self.folder = folder
        self.tokenizer = XttsTokenizer.read(folder / "vocab.json")
        # coqui-tts has no choice of vocoder and speaker encoder, so these have full size in the toy too.
        sizes = {k: SIZES[k] for k in TOY} if self.toy else {}
        sizes["number_text_tokens"] = self.tokenizer.n_tokens
        special = {"start_text_token": self.tokenizer.start, "stop_text_token": self.tokenizer.stop}
        self.config = XttsConfig(**sizes, **special)
        t = np.arange(24_000 * 6) / 24_000
        hum = 0.2 * np.sin(2 * np.pi * 140 * t) * (1 + np.sin(9 * t)) + 0.02 * np.random.RandomState(0).randn(t.size)
        self.reference = Waveform(hum.astype(np.float32), 24_000)

    def network(self) -> Xtts:
        torch.manual_seed(0)
        with torch.device(self.device):
            network = Xtts(self.config)
        return self.endless(network.eval().requires_grad_(False))

    def endless(self, network: Xtts) -> Xtts:
        """Never stopping, and cut off after n_codes."""
        network.gpt.mel_head.bias.data[self.config.stop_audio_token] = FORBIDDEN
        network.config = network.config.model_copy(update={"max_audio_tokens": self.n_codes + 3})
        return network

    def engine(self, network: Xtts, **plan: Any) -> XttsEngine:
        n, limit = network.gpt.config, network.config.max_audio_tokens
        network.config = n
        engine = XttsEngine(network, self.tokenizer, Plan(device=self.device, **plan))
        network.config = network.config.model_copy(update={"max_audio_tokens": limit})
        return engine

    def sync(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()

    def seconds(self, run: Callable[[], Any], warm: int = 2) -> float:
        """Median of warm runs."""
        times = []
        for i in range(warm + self.repeats):
            self.sync()
            start = time.perf_counter()
            run()
            self.sync()
            if i >= warm:
                times.append(time.perf_counter() - start)
        return statistics.median(times)

    def requests(self, n: int) -> list[SpeechRequest]:
        options = [SynthesisOptions(seed=i, temperature=0.75, top_k=50, top_p=0.85) for i in range(n)]
        return [SpeechRequest(text=TEXT[: 60 + i % 40], language="en", options=o) for i, o in enumerate(options)]

    def decode(self, network: Xtts, rows: int, steps: int) -> None:
        """Milliseconds per token of the language model alone."""
        decoder = Decoder(network.gpt, rows, steps)
        tokens = torch.tensor(self.tokenizer.encode(TEXT, "en"), device=self.device)
        latents = torch.randn(network.config.n_latents, network.config.n_model_channels, device=self.device)
        options = SamplingOptions(stop_bias=0)

        def admit() -> None:
            decoder.clear()
            prompt = network.gpt.prompt(latents, tokens)
            decoder.admit([Start(prompt=prompt, seed=i, options=options, expected_codes=0.0) for i in range(rows)])

        with torch.inference_mode():
            report(f"prefill, {rows} rows", 1e3 * self.seconds(admit), "ms")
            calls = self.n_codes // steps

            def run() -> None:
                for _ in range(calls):
                    decoder.run()

            times = []
            for i in range(1 + self.repeats):
                admit()
                times.append(self.seconds_once(run) / calls / steps) if i else run()
        report(f"decode, {rows} rows", 1e3 * statistics.median(times), "ms/token")

    def seconds_once(self, run: Callable[[], Any]) -> float:
        self.sync()
        start = time.perf_counter()
        run()
        self.sync()
        return time.perf_counter() - start

    def first_audio(self, engine: XttsEngine, label: str) -> None:
        voice = engine.encode_voice(self.reference)
        request = self.requests(1)[0]

        def run() -> None:
            session = engine.open_session(SynthesisOptions())
            session.admit(engine.prepare(request, voice))
            while not any(isinstance(event, AudioChunk) for event in session.step()):
                pass

        report(f"first audio, {label}", 1e3 * self.seconds(run), "ms")

    def aggregate(self, engine: XttsEngine, rows: int, label: str) -> None:
        voice = engine.encode_voice(self.reference)
        utterances = [engine.prepare(request, voice) for request in self.requests(rows)]
        spoken_s = 0.0

        def run() -> None:
            nonlocal spoken_s
            spoken_s = 0.0
            session = engine.open_session(SynthesisOptions())
            left = {session.admit(utterance) for utterance in utterances}
            while left:
                for event in session.step():
                    if isinstance(event, AudioChunk):
                        spoken_s += event.waveform.duration_s
                    else:
                        left.discard(event.utterance)

        elapsed_s = self.seconds(run, warm=1)
        report(f"{rows} at once, {label}", spoken_s / elapsed_s, "x real time")
        report(f"{rows} at once, {label}, RTF", elapsed_s / spoken_s, "")

    def batch_equals_single(self, engine: XttsEngine, label: str) -> None:
        """Each of three utterances beside the others, and alone."""
        voice = engine.encode_voice(self.reference)
        utterances = [engine.prepare(request, voice) for request in self.requests(3)]
        together = synthesize(engine, utterances, SynthesisOptions())
        for i, utterance in enumerate(utterances):
            (alone,) = synthesize(engine, [utterance], SynthesisOptions())
            n = min(alone.n_samples, together[i].n_samples)
            difference = np.abs(alone.samples[:n] - together[i].samples[:n])
            apart = int(np.argmax(difference > 1e-2)) if (difference > 1e-2).any() else n
            print(f"   utterance {i}: {apart} of {n} samples within 0.01, rms {alone.samples.std():.3f}", flush=True)
            RESULTS[f"batch and single agree, {label}, utterance {i}"] = f"{apart} of {n} samples"

    def profile(self, network: Xtts, rows: int) -> None:
        """Where a call of the decoder spends its time."""
        decoder = Decoder(network.gpt, rows, 8)
        prompt = torch.randn(80, network.config.n_model_channels, device=self.device)
        options = SamplingOptions()
        with torch.inference_mode():
            decoder.admit([Start(prompt=prompt, seed=i, options=options, expected_codes=0.0) for i in range(rows)])
            for _ in range(3):
                decoder.run()
            activities = [torch.profiler.ProfilerActivity.CPU]
            activities += [torch.profiler.ProfilerActivity.CUDA] if self.device.startswith("cuda") else []
            with torch.profiler.profile(activities=activities) as profile:
                decoder.run()
        key = "self_cuda_time_total" if self.device.startswith("cuda") else "self_cpu_time_total"
        print(profile.key_averages().table(sort_by=key, row_limit=22, max_name_column_width=90))


def ours(bench: Bench) -> None:
    gpu = bench.device.startswith("cuda")
    dtype = torch.bfloat16 if gpu else torch.float32
    with part("decode"):
        network = bench.network()
        network.gpt.gpt.h.to(dtype)
        for rows in bench.batches:
            bench.decode(network, rows, 8)
    with part("profile, 1 row"):
        bench.profile(network, 1)
    with part("profile, most rows"):
        bench.profile(network, bench.batches[-1])
    del network
    plan: dict[str, Any] = dict(dtype=dtype, int8=False, max_batch=bench.batches[-1], steps=8)
    for label, vocoder in (("float32 vocoder", torch.float32), *([("float16 vocoder", torch.float16)] if gpu else [])):
        with part(f"engine, {label}"):
            engine = bench.engine(bench.network(), vocoder_dtype=vocoder, **plan)
            bench.first_audio(engine, label)
            for rows in bench.batches:
                bench.aggregate(engine, rows, label)
            bench.batch_equals_single(engine, label)
            if gpu:
                report(f"memory, {label}", torch.cuda.max_memory_allocated() / 2**30, "GiB")
            engine.close()
    if gpu:
        with part("float32 everywhere"):
            engine = bench.engine(bench.network(), **(plan | {"dtype": torch.float32, "max_batch": 4}))
            bench.batch_equals_single(engine, "float32")
            bench.first_audio(engine, "float32")
            bench.aggregate(engine, 1, "float32")
            engine.close()
        with part("one step a call"):
            engine = bench.engine(bench.network(), **(plan | {"steps": 1, "max_batch": 1}))
            bench.first_audio(engine, "one step a call")
        with part("cudnn.benchmark"):
            torch.backends.cudnn.benchmark = True
            engine = bench.engine(bench.network(), vocoder_dtype=torch.float16, **plan)
            bench.first_audio(engine, "float16 vocoder, cudnn.benchmark")
            bench.aggregate(engine, bench.batches[-1], "float16 vocoder, cudnn.benchmark")
        torch.backends.cudnn.benchmark = False
    else:
        with part("int8 weights"):
            engine = bench.engine(bench.network(), **(plan | {"int8": True}))
            bench.first_audio(engine, "int8")
            bench.aggregate(engine, 1, "int8")


def beside(bench: Bench) -> None:
    """coqui-tts on the same machine, and the same codes from the same weights."""
    upstream: Upstream | None = None
    with part("import and build coqui-tts"):
        upstream = Upstream(bench.config, bench.folder, bench.device)
    if upstream is None:
        return
    with part("same codes as coqui-tts in float32"):
        tokens = torch.tensor(bench.tokenizer.encode(TEXT, "en"), device=bench.device)
        tensors = {k: v.cpu() for k, v in upstream.tensors().items()}
        network = build_network(Checkpoint(tensors, "coqui-tts"), bench.config).to(bench.device)
        n = min(200, bench.config.max_codes)
        for greedy in (True, False):
            seen = upstream.codes(tokens, n, seed=3, greedy=greedy)
            mine = own_codes(network, upstream.latents, tokens, n, seed=3, greedy=greedy)
            equal = next((i for i, (a, b) in enumerate(zip(seen, mine, strict=False)) if a != b), len(mine))
            kind = "greedy" if greedy else "sampled"
            print(f"   {kind}: {equal} of {len(seen)} codes equal, {len(set(seen))} distinct", flush=True)
            RESULTS[f"{kind} codes equal to coqui-tts"] = f"{equal} of {len(seen)}, {len(set(seen))} distinct"
        del network
    with part("coqui-tts, language model"):
        upstream.forbid_stop(FORBIDDEN)
        tokens = torch.tensor(bench.tokenizer.encode(TEXT, "en"), device=bench.device)
        elapsed_s = bench.seconds(lambda: upstream.codes(tokens, bench.n_codes, seed=0, greedy=False), warm=1)
        report("coqui-tts decode, 1 row", 1e3 * elapsed_s / bench.n_codes, "ms/token")
    with part("coqui-tts, whole"):
        upstream.limit(bench.n_codes)
        samples = 0

        def speak() -> None:
            nonlocal samples
            samples = upstream.speak(TEXT)

        elapsed_s = bench.seconds(speak, warm=1)
        report("coqui-tts, RTF", elapsed_s / (samples / 24_000), "")
        report("coqui-tts", samples / 24_000 / elapsed_s, "x real time")
    for chunk in (20, 8):
        with part(f"coqui-tts, first audio, chunks of {chunk} codes"):
            elapsed_s = bench.seconds(partial(upstream.first, TEXT, chunk))
            report(f"coqui-tts, first audio, {chunk} codes", 1e3 * elapsed_s, "ms")


@torch.inference_mode()
def own_codes(network: Xtts, latents: Any, tokens: Any, n: int, *, seed: int, greedy: bool) -> list[int]:
    options = SamplingOptions(temperature=0.0 if greedy else 0.75, stop_bias=0.0)
    decoder = Decoder(network.gpt, 1, 1)
    prompt = network.gpt.prompt(latents, tokens)
    decoder.admit([Start(prompt=prompt, seed=seed, options=options, expected_codes=0.0)])
    codes: list[int] = []
    while len(codes) < n:
        codes.append(int(decoder.run().codes[0, 0]))
        if codes[-1] == network.config.stop_audio_token:
            break
    return codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true", help="a small network")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--upstream-only", action="store_true")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--folder", default="/tmp/xtts_bench", help="for a vocabulary, and for --json")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else "CPU"
    print(f"torch {torch.__version__}, {name}, {CODE_RATE:.2f} codes a second", flush=True)
    bench = Bench(options)
    if not options.upstream_only:
        ours(bench)
    if not options.ours_only and importlib.util.find_spec("TTS"):
        beside(bench)
    print(json.dumps(RESULTS, indent=1))


if __name__ == "__main__":
    main()
