"""Speed of XTTS-v2 at full size on random weights, this package's beside coqui-tts' where that can be imported.

    python benchmarks/xtts_gpu.py                       on the first CUDA device
    python benchmarks/xtts_gpu.py --device cpu --toy    a small network, to see that the script works
    python benchmarks/xtts_gpu.py --device cpu --part engine-int8 --part engine --threads 2    full size on a CPU

Random weights do not stop by themselves, so the stop code is forbidden and every utterance has the same number of
codes; time does not depend on the weights' values. Each part is guarded: one that fails prints its traceback, and the
others go on. Times are medians of warm runs.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from locutor.engines.xtts.config import XttsConfig  # noqa: E402
from locutor.engines.xtts.decoder import Decoder, Start  # noqa: E402
from locutor.engines.xtts.engine import Plan, XttsEngine  # noqa: E402
from locutor.engines.xtts.network import Xtts  # noqa: E402
from locutor.engines.xtts.sampling import SamplingOptions  # noqa: E402
from locutor.engines.xtts.tokens import XttsTokenizer  # noqa: E402
from locutor.engines.xtts.vocode import fastest  # noqa: E402
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
        self.gpu = self.device.startswith("cuda")
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

    def engine(self, network: Xtts, plan: Plan) -> XttsEngine:
        n, limit = network.gpt.config, network.config.max_audio_tokens
        network.config = n
        engine = XttsEngine(network, self.tokenizer, plan)
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

    def decode(self, network: Xtts, rows: int, steps: int, label: str = "") -> None:
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
            report(f"prefill, {rows} rows{label}", 1e3 * self.seconds(admit), "ms")
            calls = self.n_codes // steps

            def run() -> None:
                for _ in range(calls):
                    decoder.run()

            times = []
            for i in range(1 + self.repeats):
                admit()
                times.append(self.seconds_once(run) / calls / steps) if i else run()
        report(f"decode, {rows} rows{label}", 1e3 * statistics.median(times), "ms/token")

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
            self.profiled(decoder.run)

    def profiled(self, run: Callable[[], Any]) -> None:
        for _ in range(3):
            run()
        activities = [torch.profiler.ProfilerActivity.CPU]
        activities += [torch.profiler.ProfilerActivity.CUDA] if self.gpu else []
        with torch.profiler.profile(activities=activities) as profile:
            run()
        for key in ["self_cuda_time_total"] * self.gpu + ["self_cpu_time_total"]:
            table = profile.key_averages().table(sort_by=key, row_limit=14, max_name_column_width=70)
            print("\n".join(line for line in table.splitlines() if not line.startswith("---")))


def language_model(bench: Bench) -> None:
    """Milliseconds a token, and where they go."""
    dtype = torch.bfloat16 if bench.gpu else torch.float32
    with part("decode"):
        network = bench.network()
        network.gpt.gpt.h.to(dtype)
        for rows in bench.batches:
            bench.decode(network, rows, 8)
    with part("profile of the decoder, 1 row"):
        bench.profile(network, 1)
    if bench.gpu:
        with part("decode, compiled blocks"):
            for block in network.gpt.gpt.h:
                block.decode = torch.compile(block.decode, dynamic=False)
            for rows in (1, bench.batches[-1]):
                bench.decode(network, rows, 8, label=", compiled blocks")


def vocoder(bench: Bench) -> None:
    """Milliseconds for a window of speech, by PyTorch and by the engine, and how far they are apart."""
    plain = bench.network().hifigan_decoder.waveform_decoder
    speakers = torch.randn(bench.batches[-1], bench.config.speaker_dim, 1, device=bench.device)
    shapes = [(rows, frames) for rows in (1, bench.batches[-1]) for frames in (60, 240)]
    inputs = [torch.randn(r, bench.config.n_model_channels, f, device=bench.device) for r, f in shapes]
    with torch.inference_mode():
        wanted = [plain(x, speakers[: len(x)]) for x in inputs]
        for dtype in (torch.float32, torch.float16, torch.bfloat16) if bench.gpu else (torch.float32,):
            plain.to(dtype)
            for way, network in (("PyTorch", plain), ("the engine's", fastest(plain))):
                for x, right in zip(inputs, wanted, strict=True):
                    name = f"vocoder, {len(x)} x {x.shape[2]} frames, {dtype}, {way}"
                    with part(name):
                        x, g = x.to(dtype), speakers[: len(x)].to(dtype)
                        report(name, 1e3 * bench.seconds(lambda run=network, x=x, g=g: run(x, g)), "ms")
                        error = (network(x, g).float() - right).norm() / right.norm()
                        report(f"{name}, relative difference", float(error), "")
    with part("profile of the vocoder"), torch.inference_mode():
        network, x = fastest(plain), inputs[-1].to(plain.dtype)
        bench.profiled(lambda: network(x, speakers.to(x)))


def engine(bench: Bench, label: str, **changes: Any) -> None:
    """First audio and speech a second of the whole engine."""
    plan = replace(Plan.of(bench.device), int8=False, max_batch=bench.batches[-1], steps=8, **changes)
    with part(f"engine, {label}"):
        made = bench.engine(bench.network(), plan)
        bench.first_audio(made, label)
        for rows in bench.batches:
            bench.aggregate(made, rows, label)
        if bench.gpu:
            report(f"memory, {label}", torch.cuda.max_memory_allocated() / 2**30, "GiB")
        bench.batch_equals_single(made, label)
    with part(f"profile of the engine, {label}"):
        utterance = made.prepare(bench.requests(1)[0], made.encode_voice(bench.reference))
        bench.profiled(lambda: synthesize(made, [utterance], SynthesisOptions()))


def beside(bench: Bench) -> None:
    """coqui-tts on the same machine, and the same codes from the same weights."""
    upstream: Upstream | None = None
    if importlib.util.find_spec("TTS") is None:
        print("   coqui-tts is not installed here")
        return
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


def on_its_own(name: str) -> dict[str, Any]:
    """A part in a process of its own, for a CUDA error spoils everything after it; its results."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, __file__, *sys.argv[1:], "--part", name, "--results", file.name]
        code = subprocess.run(command, check=False).returncode
        content = Path(file.name).read_text()
    return json.loads(content) if content else {f"{name}: ended with code": code}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true", help="a small network")
    parser.add_argument("--part", choices=PARTS, action="append", help="this part only; may be given again")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--folder", default="/tmp/xtts_bench", help="for a vocabulary")
    parser.add_argument("--results", help="a file for the figures as JSON")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.results:
        for name in options.part:
            PARTS[name](Bench(options))
        Path(options.results).write_text(json.dumps(RESULTS))
        return
    gpu = options.device.startswith("cuda")
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name() if gpu else 'CPU'}", flush=True)
    wanted = options.part or [name for name in PARTS if name not in ((CPU_ONLY,) if gpu else GPU_ONLY)]
    del sys.argv[1:]
    sys.argv += [f"--device={options.device}", f"--folder={options.folder}"] + ["--toy"] * options.toy
    sys.argv += [f"--threads={options.threads}"] * bool(options.threads)
    results = {name: on_its_own(name) for name in wanted}
    print(json.dumps(results, indent=1))


CPU_ONLY, GPU_ONLY = "engine-int8", ("engine-float32-vocoder", "engine-float32")
PARTS: dict[str, Callable[[Bench], None]] = {
    "language-model": language_model,
    "vocoder": vocoder,
    "engine": lambda bench: engine(bench, "default"),
    "engine-float32-vocoder": lambda bench: engine(bench, "float32 vocoder", vocoder_dtype=torch.float32),
    "engine-float32": lambda bench: engine(bench, "float32", dtype=torch.float32),
    "engine-int8": lambda bench: engine(bench, "int8", int8=True),
    "upstream": lambda bench: beside(bench),
}

if __name__ == "__main__":
    main()
