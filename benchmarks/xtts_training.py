"""Memory and time of teaching XTTS-v2 at full size: random weights, clips as long as coqui-tts allows.

python benchmarks/xtts_training.py
python benchmarks/xtts_training.py --device cpu --toy    a small network, to see that the script works
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "recipes" / "goldens")]

from xtts_weights import SIZES  # noqa: E402

from locutor.engines.lora import LoraConfig, adapt  # noqa: E402
from locutor.engines.xtts.config import XttsConfig  # noqa: E402
from locutor.engines.xtts.gpt import Gpt  # noqa: E402
from locutor.training.xtts import Example, losses  # noqa: E402

N_CODES, N_TOKENS, PROMPT_FRAMES = 250, 200, 517  # 11.6 s of speech; 6 s of prompt
TARGETS = (r"gpt\.h\.\d+\.attn\.(c_attn|c_proj)", r"gpt\.h\.\d+\.mlp\.(c_fc|c_proj)")
WARM, REPEATS = 3, 8


def measured(config: XttsConfig, device: str, batch_size: int, lora: bool, sizes: tuple[int, int]) -> dict[str, Any]:
    n_codes, n_tokens = sizes
    torch.manual_seed(0)
    with torch.device(device):
        gpt = Gpt(config)
    if lora:
        adapt(gpt, LoraConfig(targets=TARGETS))
    trained = [parameter for parameter in gpt.parameters() if parameter.requires_grad]
    gpu = device.startswith("cuda")
    optimizer = torch.optim.AdamW(trained, lr=5e-6, fused=gpu)
    codes = torch.randint(0, config.start_audio_token, (n_codes,))
    prompt = torch.randn(80, PROMPT_FRAMES)
    batch = [Example(tuple(range(2, n_tokens + 2)), codes, prompt, (10, 140)) for _ in range(batch_size)]
    gpt.train()
    times, seen = [], []
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    for _ in range(WARM + REPEATS):
        started = time.perf_counter()
        with torch.autocast("cuda" if gpu else "cpu", torch.bfloat16):
            loss = losses(gpt, batch).total
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        seen.append(float(loss.detach()))
        assert torch.isfinite(norm)
        times.append(time.perf_counter() - started)
    return {
        "batch": batch_size,
        "parameters, M": round(sum(p.numel() for p in trained) / 1e6, 2),
        "s a step": round(statistics.median(times[WARM:]), 4),
        "peak GiB": round(torch.cuda.max_memory_allocated() / 2**30, 2) if gpu else None,
        "first and last loss": [round(seen[0], 4), round(seen[-1], 4)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--toy", action="store_true", help="a small network")
    options = parser.parse_args()
    config = XttsConfig(**SIZES, number_text_tokens=64, start_text_token=3) if options.toy else XttsConfig()
    sizes = (100, 50) if options.toy else (N_CODES, N_TOKENS)
    results = {}
    for name, batch_size, lora in (("full", 4, False), ("LoRA", 8, True), ("full, 1 clip", 1, False)):
        results[name] = measured(config, options.device, batch_size, lora, sizes)
        print(name, results[name], flush=True)
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else "CPU"
    print(json.dumps({"torch": torch.__version__, "device": device} | results, indent=1))


if __name__ == "__main__":
    main()
