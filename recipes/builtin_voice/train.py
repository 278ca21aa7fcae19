"""Train one part of the built-in voice: `python train.py acoustic|duration|g2p|vocoder DATA RUN_DIR SECONDS`.

DATA is a folder of shards (g2p: corpus.jsonl.gz's folder). START names a .safetensors of float weights to go on from.
SCALE below 1 shrinks the batches for a try on a CPU.
"""

import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from locutor.audio.mel import HOP_LENGTH, N_MELS, SAMPLE_RATE, mel_spectrogram
from locutor.engines.builtin.config import DurationConfig, G2PConfig, NetworkConfig
from locutor.engines.builtin.duration import DurationPredictor
from locutor.engines.builtin.g2p import G2P
from locutor.engines.builtin.network import AlignedDiT
from locutor.engines.builtin.phonemes import LETTERS, PHONEMES
from locutor.engines.vocos import Vocos, VocosConfig
from locutor.training.builtin.acoustic import AcousticConfig, AcousticObjective
from locutor.training.builtin.duration import DurationObjective
from locutor.training.builtin.g2p import G2PObjective, read_rows
from locutor.training.builtin.shards import Pool
from locutor.training.config import TrainConfig
from locutor.training.loop import fit
from locutor.training.recordings import recorded
from locutor.training.vocoder import Heard, VocoderTrainer, VocoderWeights, misheard
from voices import resample

VOCODER = VocosConfig(dim=384, intermediate_dim=1152, n_layers=8)
SEGMENT = 16_384  # samples of a vocoder's training clip
SCALE = float(os.environ.get("SCALE", "1"))
STARTED = time.monotonic()
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def started(network: nn.Module) -> nn.Module:
    """The network on the device, with the weights of START if given."""
    if start := os.environ.get("START"):
        network.load_state_dict({k: v.float() for k, v in load_file(start).items()})
    return network.to(DEVICE)


def configure(seconds: float, **changes: object) -> TrainConfig:
    """Settings of a run that ends `seconds` after the script's start, however long reading the data took."""
    settings = {
        "max_steps": int(os.environ.get("STEPS", "1000000")),
        "max_seconds": seconds - (time.monotonic() - STARTED),
        "learning_rate": 1e-3,
        "precision": "bf16" if DEVICE.type == "cuda" else "fp32",
        "log_every": int(os.environ.get("LOG_EVERY", "100")),
        "save_every": int(os.environ.get("SAVE_EVERY", "1000")),
        "held_out_every": int(os.environ.get("SAVE_EVERY", "1000")),
        "seed": int(os.environ.get("SEED", "0")),
    }
    settings |= changes
    if rate := os.environ.get("LR"):
        settings["learning_rate"] = float(rate)
    return TrainConfig(**settings)  # type: ignore[arg-type]


def set_statistics(network: AlignedDiT | DurationPredictor, pool: Pool) -> None:
    """Band statistics belong to the weights: measured once, at the very first run."""
    if not os.environ.get("START"):
        mean, std = pool.band_statistics()
        network.mel_mean.copy_(mean)
        network.mel_std.copy_(std)


def acoustic(data: Path, run: Path, seconds: float) -> None:
    pool = Pool(data, DEVICE, int(os.environ.get("CAPACITY", "60000000")))
    network = started(AlignedDiT(NetworkConfig(n_tokens=len(PHONEMES))))
    assert isinstance(network, AlignedDiT)
    set_statistics(network, pool)
    config = AcousticConfig(frames_per_batch=int(180_000 * SCALE), held_out_streams=8 if SCALE == 1 else 0)
    settings = configure(seconds, learning_rate=1.2e-3, warmup_steps=500, compile=DEVICE.type == "cuda")
    fit(AcousticObjective(network, pool, config), settings, run)


def duration(data: Path, run: Path, seconds: float) -> None:
    pool = Pool(data, DEVICE, int(os.environ.get("CAPACITY", "60000000")))
    network = started(DurationPredictor(DurationConfig(n_tokens=len(PHONEMES))))
    assert isinstance(network, DurationPredictor)
    set_statistics(network, pool)
    objective = DurationObjective(network, pool, n_clips=max(8, int(256 * SCALE)))
    fit(objective, configure(seconds), run)


def g2p(data: Path, run: Path, seconds: float) -> None:
    rows = read_rows(data / "corpus.jsonl.gz")
    held_out, rest = rows[:512], rows[512:]
    words = read_rows(data / "words.jsonl.gz")
    network = started(G2P(G2PConfig(n_letters=len(LETTERS), n_tokens=len(PHONEMES))))
    assert isinstance(network, G2P)
    objective = G2PObjective(network, held_out + rest + words, letters_per_batch=int(32_768 * SCALE))
    fit(objective, configure(seconds, clip_norm=0.5), run)


class Recordings:
    """All speech of a folder of shards as it appears, each stream also at another pitch, in one row on the device."""

    def __init__(self, data: Path, capacity_s: int) -> None:
        self.data, self.seen, self.n = data, set[Path](), 0
        self.samples = torch.zeros(capacity_s * SAMPLE_RATE, dtype=torch.int16, device=DEVICE)
        self.rng = np.random.default_rng(0)

    def refresh(self, limit: int) -> None:
        new = [p for p in sorted(self.data.glob("*.npz")) if p not in self.seen and ".tmp" not in p.name]
        for path in new[:limit]:
            self.seen.add(path)
            shard = torch.from_numpy(np.load(path)["samples"]).to(DEVICE)
            warped = resample(shard.float(), float(np.exp(self.rng.uniform(-0.2, 0.2))))
            for part in (shard, warped.clamp(-32767, 32767).short()):
                part = part[: len(self.samples) - self.n]
                self.samples[self.n : self.n + len(part)] = part
                self.n += len(part)

    def draw(self, n_clips: int, generator: torch.Generator) -> Tensor:
        start = torch.randint(self.n - SEGMENT, (n_clips, 1), generator=generator, device=DEVICE)
        return self.samples[start + torch.arange(SEGMENT, device=DEVICE)].float() / 32767


class Predictions:
    """Clips of predict_mels.py as they appear: mels with the acoustic network's errors, and their real audio."""

    def __init__(self, data: Path, capacity: int) -> None:
        self.data, self.seen, self.n = data, set[Path](), 0
        self.samples = torch.zeros(capacity, SEGMENT, dtype=torch.int16, device=DEVICE)
        self.mel = torch.zeros(capacity, N_MELS, SEGMENT // HOP_LENGTH + 1, dtype=torch.float16, device=DEVICE)

    def refresh(self, limit: int) -> None:
        new = [p for p in sorted(self.data.glob("*.npz")) if p not in self.seen and ".tmp" not in p.name]
        for path in new[:limit]:
            self.seen.add(path)
            clips = np.load(path)
            n = min(len(clips["mel"]), len(self.mel) - self.n)
            self.samples[self.n : self.n + n] = torch.from_numpy(clips["samples"][:n]).to(DEVICE)
            self.mel[self.n : self.n + n] = torch.from_numpy(clips["mel"][:n]).to(DEVICE)
            self.n += n

    def draw(self, n_clips: int, generator: torch.Generator) -> Heard:
        chosen = torch.randint(self.n, (n_clips,), generator=generator, device=DEVICE)
        return Heard(self.samples[chosen].float() / 32767, self.mel[chosen].float())


def vocoder(data: Path, run: Path, seconds: float) -> None:
    """Random segments of every shard, as they come in recordings; half of them with the errors of predicted mels, which
    are white noise until predict_mels.py has made some."""
    speech = Recordings(data, int(os.environ.get("CAPACITY_S", "200000")))
    speech.refresh(limit=1_000_000)
    predictions = Predictions(data.parent / "predictions", int(50_000 * SCALE))
    predictions.refresh(limit=1_000_000)
    n_clips, n_drawn = 2 * max(1, int(20 * SCALE)), 0

    def draw(generator: torch.Generator) -> Heard:
        nonlocal n_drawn
        n_drawn += 1
        if n_drawn % 100 == 0:
            speech.refresh(limit=8)
            predictions.refresh(limit=2)
        if not predictions.n:
            real = recorded(speech.draw(n_clips, generator), generator)
            return Heard(real, misheard(mel_spectrogram(real), 0.15, generator))
        real = recorded(speech.draw(n_clips // 2, generator), generator)
        predicted = predictions.draw(n_clips // 2, generator)
        return Heard(torch.cat([real, predicted.audio]), torch.cat([mel_spectrogram(real), predicted.mel]))

    torch.backends.cudnn.benchmark = True  # every batch has the same shape
    vocos = started(Vocos(VOCODER))
    assert isinstance(vocos, Vocos)
    config = configure(seconds, learning_rate=4e-4, warmup_steps=100, ema_decay=0.999)
    weights = VocoderWeights(adversarial_from=0.0 if os.environ.get("START") else 0.12)
    captured = DEVICE.type == "cuda" and os.environ.get("CAPTURED", "1") == "1"
    VocoderTrainer(vocos, config, weights, draw, captured).fit(run)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    if torch.cuda.is_available():
        torch.backends.cuda.cufft_plan_cache[0].max_size = 4  # each shard has its own length, and plans are large
    part, data, run, seconds = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    {"acoustic": acoustic, "duration": duration, "g2p": g2p, "vocoder": vocoder}[part](data, run, seconds)
