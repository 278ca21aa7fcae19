"""What the parts of f5_gpu.py share: the networks with random weights, voices, texts, and how time is taken."""

import statistics
import sys
import time
import traceback
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "recipes" / "goldens"), str(ROOT / "benchmarks")]

from random_weights import scaled  # noqa: E402

from locutor.audio.mel import FRAME_RATE  # noqa: E402
from locutor.engines.base import Utterance  # noqa: E402
from locutor.engines.f5.config import packaged_config  # noqa: E402
from locutor.engines.f5.dit import DiT  # noqa: E402
from locutor.engines.f5.engine import F5Engine  # noqa: E402
from locutor.engines.f5.graph import GraphPool  # noqa: E402
from locutor.engines.f5.runtime import Runtime  # noqa: E402
from locutor.engines.f5.sampling import SolveOptions  # noqa: E402
from locutor.engines.f5.session import Prepared, Solve  # noqa: E402
from locutor.engines.f5.tokens import Vocabulary  # noqa: E402
from locutor.engines.vocos import Vocos  # noqa: E402

REF_S = 5.0
TEXT = "Some call me nature, others call me mother nature. I have been here for over four and a half billion years. "
TINY = dict(dim=128, depth=2, heads=2, ff_mult=2, text_dim=32, conv_layers=2)


def relative_error(got: Tensor, wanted: Tensor) -> float:
    return float((got.double() - wanted.double()).norm() / wanted.double().norm())


class World:
    """The networks, voices and texts that all parts share, made when first asked for."""

    def __init__(self, device: str, tiny: bool, minutes: float) -> None:
        self.device, self.tiny = torch.device(device), tiny
        self.end = time.monotonic() + 60 * minutes
        self.half = torch.float32 if device == "cpu" else torch.float16

    def n_runs(self, each_s: float, most: int = 20) -> int:
        """Repetitions of something that takes each_s: `most`, but no more than a twelfth of the time that is left."""
        left = max(0.0, self.end - time.monotonic())
        return max(3, min(most, int(left / 12 / max(each_s, 1e-6))))

    def frames(self, duration_s: float) -> int:
        return int(duration_s * FRAME_RATE / (20 if self.tiny else 1))

    @cached_property
    def vocab(self) -> dict[str, int]:
        tokens = [" ", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?'-"]
        tokens += [f"tok{i}" for i in range((80 if self.tiny else 2545) - len(tokens))]
        return {token: i for i, token in enumerate(tokens)}

    @cached_property
    def network(self) -> DiT:
        config = packaged_config("F5TTS_v1_Base")
        if self.tiny:
            config = config.model_copy(update=TINY)
        with torch.device("meta"):
            network = DiT(config, len(self.vocab))
        network = network.to_empty(device="cpu").eval().requires_grad_(False)
        self.redraw(network)
        network.rotary_embed.__init__()
        return network

    @cached_property
    def vocoder(self) -> Vocos:
        vocoder = Vocos().eval().requires_grad_(False)
        self.redraw(vocoder)
        return vocoder.to(self.device)

    def redraw(self, network: torch.nn.Module) -> None:
        generator = torch.Generator(self.device).manual_seed(0)
        for name, tensor in network.state_dict().items():
            if not name.endswith(("inv_freq", "window")):
                tensor.copy_(scaled(name, torch.randn(tensor.shape, generator=generator, device=self.device)))

    @cached_property
    def engine(self) -> F5Engine:
        return F5Engine(self.network, Vocabulary(list(self.vocab)), self.vocoder)

    @cached_property
    def runtime(self) -> Runtime:
        assert self.engine._runtime is not None
        return self.engine._runtime

    @cached_property
    def mel(self) -> Tensor:
        """Reference, (n, m)."""
        n = self.frames(REF_S) + 1
        return torch.randn(n, 100, generator=torch.Generator().manual_seed(5)) * 2 - 4

    def text(self, new_s: float) -> list[str]:
        """About 15 characters a second, of the reference and of the new speech."""
        return list((TEXT * 10)[: int((1 if self.tiny else 15) * (REF_S + new_s))])

    def utterance(self, new_s: float, seed: int = 1) -> Utterance:
        ids = tuple(self.vocab[c] for c in self.text(new_s))
        n_frames = self.frames(REF_S) + self.frames(new_s)
        return Utterance(text="", n_frames=n_frames, seed=seed, state=Prepared(ids=ids, mel=self.mel, gain=1.0))

    @cached_property
    def upstream(self) -> torch.nn.Module:
        import f5_upstream

        tensors = {k: v.clone() for k, v in self.network.state_dict().items()}
        sizes = TINY if self.tiny else None
        return f5_upstream.make_model(tensors, self.vocab, sizes).to(self.device)

    @cached_property
    def upstream_vocoder(self) -> torch.nn.Module:
        import f5_upstream

        return f5_upstream.make_vocoder(self.vocoder.state_dict()).to(self.device)

    def speak_upstream(self, new_s: float, steps: int) -> Tensor:
        import f5_upstream

        n_frames = self.utterance(new_s).n_frames
        mel = self.mel.to(self.device)
        return f5_upstream.speak(self.upstream, self.upstream_vocoder, mel, self.text(new_s), n_frames, steps)

    def sync(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def median_ms(self, run: Callable[[], object], most: int = 20, warm: int = 3) -> tuple[float, int]:
        """Median wall time of a run that ends with its result on the host or is waited for, and the number of runs."""
        for _ in range(warm):
            start = time.perf_counter()
            run()
            self.sync()
        n, times = self.n_runs(time.perf_counter() - start, most), []
        for _ in range(n):
            self.sync()
            start = time.perf_counter()
            run()
            self.sync()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times), n

    def device_us(self, run: Callable[[], object], n: int = 20) -> float:
        """Time on the device of one call, from a replayed graph of n calls."""
        if self.device.type != "cuda":
            return 1e3 * self.median_ms(run, 3)[0]
        for _ in range(3):
            run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(n):
                run()
        times = []
        for _ in range(5):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            torch.cuda.synchronize()
            times.append(1e3 * start.elapsed_time(end) / n)
        return statistics.median(times)


@torch.inference_mode()
def solve(runtime: Runtime, vocoder: Vocos, batch: list[Utterance], steps: int, graphs: GraphPool | None) -> Solve:
    done = Solve(runtime, vocoder, batch, SolveOptions(nfe_step=steps), graphs)
    while not done.done:
        done.step()
    return done


def guarded(name: str, run: Callable[[], object]) -> None:
    try:
        print(f"  {name}: {run()}", flush=True)
    except Exception:
        print(f"  {name} FAILED\n{traceback.format_exc(limit=-6)}", flush=True)
