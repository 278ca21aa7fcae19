"""Pack the four trained parts into the one file that ships: `python pack.py WEIGHTS_DIR OUT.safetensors`.

WEIGHTS_DIR holds acoustic, duration, g2p and vocoder.safetensors, as collect.py brings them back.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file

from locutor.engines.builtin import weights
from locutor.engines.builtin.config import DurationConfig, G2PConfig, NetworkConfig
from locutor.engines.builtin.phonemes import LETTERS, PHONEMES
from train import VOCODER

if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    configs = {
        "acoustic": NetworkConfig(n_tokens=len(PHONEMES)),
        "duration": DurationConfig(n_tokens=len(PHONEMES)),
        "g2p": G2PConfig(n_letters=len(LETTERS), n_tokens=len(PHONEMES)),
        "vocoder": VOCODER,
    }
    tensors = {
        f"{name}.{key}": tensor for name in configs for key, tensor in load_file(source / f"{name}.safetensors").items()
    }
    sizes = {name: asdict(config) for name, config in configs.items()}
    weights.write(target, tensors, {"config": json.dumps(sizes), "licence": "Apache-2.0"})
    print(f"{target.stat().st_size / 1e6:.1f} MB")
