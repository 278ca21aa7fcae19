"""Average two versions of one network: `python blend.py OLD.safetensors NEW.safetensors SHARE OUT.safetensors`.

SHARE is the weight of NEW, 0 to 1. Where a run started from OLD, the mean of both often does better than either
(arXiv 2203.05482).
"""

import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

if __name__ == "__main__":
    old, new, share, out = load_file(sys.argv[1]), load_file(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    if old.keys() != new.keys():
        raise SystemExit(f"not the same network: {sorted(old.keys() ^ new.keys())[:5]}")
    save_file({k: (old[k].float().lerp(new[k].float(), share)).contiguous() for k in old}, out)
