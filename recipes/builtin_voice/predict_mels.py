"""Mels as the acoustic network makes them, beside the audio they stand for.

`python predict_mels.py SHARDS RUN OUT SECONDS`; RUN is the folder of the acoustic network's run. Each mel is a solve
begun part of the way from the real one, so that it keeps the real timing and pitch and has its errors; the
vocoder learns to speak from those. Each OUT/NNNN.npz holds samples (b, s) int16 and mel (b, c, n) float16.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from collect import newest
from locutor.audio.mel import HOP_LENGTH
from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.builtin.network import AlignedDiT
from locutor.engines.builtin.phonemes import PHONEMES
from locutor.engines.f5.sampling import euler_step, guided, time_grid
from locutor.training.builtin.shards import Pool

N_REFERENCE, N_TARGET, N_CLIP = 384, 641, 64  # frames: 4 s heard, 6.8 s spoken, 0.7 s in each training clip
N_STEPS, SWAY, CFG_STRENGTH = 8, -1.0, 2.0  # as the engine speaks by default
EARLIEST, LATEST = 0.15, 0.45  # flow times at which a solve may begin
BATCH = max(1, int(64 * float(os.environ.get("SCALE", "1"))))
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def audio_of(shards: Path, pool: Pool) -> list[np.ndarray]:
    """Samples (int16) of each stream of the pool, which was filled from the same files."""
    found = []
    for path in sorted(p for p in shards.glob("*.npz") if ".tmp" not in p.name):
        shard = np.load(path)
        ends = np.concatenate([[0], np.cumsum(shard["n_samples"])])
        for i in range(len(shard["speaker"])):
            members = np.flatnonzero(shard["stream"] == i)
            found.append(shard["samples"][ends[members[0]] : ends[members[-1] + 1]])
    return found[: len(pool.streams)]


@torch.inference_mode()
def solve(network: AlignedDiT, pool: Pool, reference: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
    """Log-mel (b, f, c) of the windows at `target`, in the voice of those at `reference`; both (b,) first frames."""
    b = len(target)
    where = pool.window(target, N_TARGET - 1)
    real = network.normalize(pool.mel[where].float())
    heard = network.normalize(pool.mel[pool.window(reference, N_REFERENCE)].float())
    withheld = torch.arange(2 * b, device=DEVICE) >= b
    prefix = network.encode_reference(torch.cat([heard, heard]), dropped=withheld)
    tokens, languages = pool.tokens[where].long(), pool.languages[where].long()
    text = network.embed_text(torch.cat([tokens, tokens]), torch.cat([languages, languages]), dropped=withheld)

    def velocity(x: Tensor, at: float) -> Tensor:
        both = network(torch.cat([x, x]), text, x.new_full((2 * b,), at), prefix)
        cond, uncond = both.float().chunk(2)
        return guided(cond, uncond, CFG_STRENGTH)

    times = time_grid(N_STEPS, SWAY).tolist()
    begins = [t for t in times if EARLIEST <= t <= LATEST]
    begin = begins[int(torch.randint(len(begins), (), generator=generator, device=DEVICE))]
    noise = torch.randn(real.shape, generator=generator, device=DEVICE)
    x = (1 - begin) * noise + begin * real
    left = [t for t in times if t >= begin]
    for at, to in zip(left, left[1:], strict=False):
        x = euler_step(velocity, x, at, to)
    return network.denormalize(x)


def draw(pool: Pool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Streams long enough, and where reference and target begin in them, the one before the other: (b,) each."""
    room = np.array([s.n_frames - N_REFERENCE - N_TARGET for s in pool.streams])
    chosen = rng.choice(np.flatnonzero(room > 0), BATCH)
    reference = (rng.random(BATCH) * room[chosen]).astype(np.int64)
    return chosen, reference, reference + N_REFERENCE


def main() -> None:
    shards, run, out, seconds = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    deadline = time.time() + seconds
    out.mkdir(parents=True, exist_ok=True)
    weights = newest(run)
    assert weights is not None, f"{run} has no weights yet"
    network = AlignedDiT(NetworkConfig(n_tokens=len(PHONEMES)))
    network.load_state_dict(load_file(weights))
    network = network.to(DEVICE).eval()
    pool = Pool(shards, DEVICE, int(os.environ.get("CAPACITY", "60000000")))
    audio = audio_of(shards, pool)
    rng, generator = np.random.default_rng(0), torch.Generator(DEVICE).manual_seed(0)
    first_frames = torch.tensor([s.start for s in pool.streams])
    n_files = 0
    while time.time() < deadline:
        chosen, reference, target = draw(pool, rng)
        start = first_frames[torch.from_numpy(chosen)]
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda"):
            mel = solve(network, pool, start + torch.from_numpy(reference), start + torch.from_numpy(target), generator)
        mels, samples = [], []
        for row, stream, frame in zip(mel.float().cpu().numpy(), chosen, target, strict=True):
            for at in range(0, N_TARGET - 1 - N_CLIP, N_CLIP):
                begin = (frame + at) * HOP_LENGTH
                mels.append(row[at : at + N_CLIP + 1].T)
                samples.append(audio[stream][begin : begin + N_CLIP * HOP_LENGTH])
        unfinished = out / f"{n_files:04d}.tmp.npz"
        np.savez(unfinished, samples=np.stack(samples), mel=np.stack(mels).astype(np.float16))
        unfinished.replace(out / f"{n_files:04d}.npz")
        n_files += 1
        if n_files % 10 == 0:
            print(f"{n_files * BATCH * N_TARGET * HOP_LENGTH / 24_000 / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main()
