"""Gather the newest averaged weights of a run in half precision: `python collect.py WORK OUT [PART ...]`.

Writes OUT/PART.safetensors.NN in pieces of at most 15 MB (join them with cat), and the runs' logs.
"""

import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save

PIECE = 15_000_000  # bytes


def newest(run: Path) -> Path | None:
    if (vocos := run / "vocos.safetensors").exists():
        return vocos
    found = sorted(run.glob("step_*/state.json"))
    return found[-1].parent / "ema.safetensors" if found else None


if __name__ == "__main__":
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    for part in sys.argv[3:] or ["acoustic", "duration", "g2p", "vocoder"]:
        run = work / f"run_{part}"
        if (weights := newest(run)) is None:
            continue
        data = save({k: v.half() for k, v in load_file(weights).items()})
        for i in range(0, len(data), PIECE):
            (out / f"{part}.safetensors.{i // PIECE:02d}").write_bytes(data[i : i + PIECE])
        shutil.copy(run / "log.jsonl", out / f"{part}.log.jsonl")
        print(part, weights.parent.name, f"{len(data) / 1e6:.1f} MB")
