"""Weights to go on from: `python unpack.py WEIGHTS.safetensors OUT_DIR` takes the shipped file apart again.

Writes OUT_DIR/{acoustic,duration,g2p,vocoder}.safetensors in float32; what 8 bits lost is not recovered.
"""

import sys
from pathlib import Path

from safetensors.torch import save_file

from locutor.engines.builtin import weights

if __name__ == "__main__":
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    tensors = weights.read(source)
    for part in sorted({key.split(".")[0] for key in tensors}):
        own = {key.removeprefix(f"{part}."): t.contiguous() for key, t in tensors.items() if key.startswith(f"{part}.")}
        save_file(own, out / f"{part}.safetensors")
