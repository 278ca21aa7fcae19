"""Fine-tune the built-in model on one voice, full and LoRA, over several seeds, and measure against zero-shot cloning:
`python benchmarks/finetune_voice.py DATASET --others FOLDER --work WORK [--seeds 3] [--epochs 4] [--device auto]`.

DATASET is a built dataset (recipes/datasets/human_dataset.py makes one of Debian's recordings), FOLDER holds recordings
of other people. Every model speaks the same held-out texts in the same cloned voice. Prints a table and writes
WORK/finetune_voice.json; runs that are complete in WORK are not trained again.
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict
from pathlib import Path

from locutor.audio import io
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.device import choose_device
from locutor.engines.registry import default_registry
from locutor.evaluation.listeners import load
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import Judge, figures
from locutor.runs.open import config_of_folder
from locutor.training.run_folder import RunFolder
from locutor.training.teach import Teaching
from locutor.voices.store import Voice

MEASURES = ("wer", "cer", "sim", "margin", "mos")


def train(args: argparse.Namespace, method: str, seed: int, catalog: RunCatalog, store: CheckpointStore) -> RunFolder:
    name = f"{method}-{seed}"
    folder = RunFolder(catalog.root / name)
    if not folder.exists():
        rate = args.lora_rate if method == "lora" else args.full_rate
        values = {
            "model_name": name, "dataset": str(args.dataset), "method": method, "seed": seed, "epochs": args.epochs,
            "batch_size": args.batch_size, "rank": args.rank, "alpha": 2.0 * args.rank, "learning_rate": rate,
            "keep_last": 1, "log_every": 10,
        }  # fmt: skip
        folder.create(config_of_folder(args.dataset, values))
    if folder.status().state != "completed":
        Teaching(folder, store, default_registry(), choose_device(args.device).name).run()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--others", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--full-rate", type=float)
    parser.add_argument("--lora-rate", type=float)
    parser.add_argument("--methods", nargs="+", default=["full", "lora"])
    parser.add_argument("--n-texts", type=int, default=40)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    args.dataset = args.dataset.resolve()
    store = CheckpointStore(args.work)
    catalog = RunCatalog(args.work / "training", store)
    listeners = load(lambda error: print(error))
    others = [Voice.from_file(path) for path in sorted(args.others.iterdir()) if io.probe(path)]
    device = choose_device(args.device).name
    rows: list[dict[str, object]] = []

    def measure(label: str, folder: RunFolder, model: str, seed: int) -> dict[str, float]:
        judge = Judge(folder, default_registry(), listeners, device, others, args.n_texts, seed)
        values = figures(judge.judge(catalog.open(model)))
        print(f"{label:16} " + "  ".join(f"{k} {values[k]:.3f}" for k in MEASURES if k in values), flush=True)
        rows.append({"label": label, "seed": seed} | values)
        return values

    for seed in range(args.seeds):
        base: dict[str, float] | None = None
        for method in args.methods:
            started = time.monotonic()
            folder = train(args, method, seed, catalog, store)
            name, wall_s = folder.path.name, time.monotonic() - started
            if base is None:
                base = measure("zero-shot", folder, f"{name}/base", seed)
            values = measure(method, folder, f"{name}/model_last", seed)
            model, plan = catalog.model(f"{name}/model_last"), json.loads((folder.path / "plan.json").read_text())
            cost = {"wall_s": wall_s, "file_mb": model.n_bytes / 1e6, "peak_gb": peak_gb(folder, plan), "plan": plan}
            rows[-1] |= {"gain": {k: values[k] - base[k] for k in MEASURES if k in values}} | cost
    print()
    for label in ["zero-shot", *args.methods]:
        mine = [row for row in rows if row["label"] == label]
        shown = [f"{k} {mean(mine, k):.3f}" for k in (*MEASURES, "wall_s", "file_mb", "peak_gb") if k in mine[0]]
        print(f"{label:16} " + "  ".join(shown) + f"  (mean of {len(mine)} seeds)")
    result = {"device": asdict(choose_device(args.device)), "rows": rows}
    (args.work / "finetune_voice.json").write_text(json.dumps(result, indent=1, default=str))


def mean(rows: list[dict[str, object]], key: str) -> float:
    return statistics.mean(float(str(row[key])) for row in rows)


def peak_gb(folder: RunFolder, plan: dict[str, float]) -> float:
    """What the run itself measured at its end, else what its probe foresaw."""
    found = folder.status().peak_bytes
    return (found or plan["peak_bytes"]) / 1e9


if __name__ == "__main__":
    main()
