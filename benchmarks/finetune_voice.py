"""Fine-tune the built-in model on one voice, full and LoRA, over several seeds, and measure against zero-shot cloning:
`python benchmarks/finetune_voice.py DATASET --others FOLDER --work WORK [--seeds 3] [--epochs 4] [--device auto]`.

DATASET is a built dataset (recipes/datasets/human_dataset.py makes one of Debian's recordings), FOLDER holds recordings
of other people (recipes/datasets/other_speakers.py). Every model speaks the 60 fixed test texts of the dataset's
language, which are in no recording, in the same cloned voice; SIM is to recordings that were held out. Without rates,
the defaults of the engine are used. What is complete in WORK is neither trained nor measured again, so the command can
be stopped and given again. Prints a table and whether the bars are met; exits with 1 when they are not.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from locutor.audio import io
from locutor.audio.files import replacing
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.device import choose_device, set_threads
from locutor.engines.registry import default_registry
from locutor.evaluation.evaluate import items_of
from locutor.evaluation.listeners import load
from locutor.runs.catalog import RunCatalog
from locutor.runs.judge import TARGET, Judge, figures, local_speaker
from locutor.runs.open import config_of_folder
from locutor.runs.supervise import MALLOC
from locutor.training.run_folder import RunFolder
from locutor.voices.store import Voice

MEASURES = ("wer", "cer", "sim", "margin", "identified", "mos")
ZERO_SHOT = "zero-shot"
SIM_GAIN, WER_LOSS = 0.05, 0.02  # the bars


@dataclass(frozen=True)
class Bench:
    """What is asked for, and what was found before."""

    args: argparse.Namespace
    catalog: RunCatalog
    device: str

    @property
    def file(self) -> Path:
        return self.args.work / "finetune_voice.json"

    def rows(self) -> list[dict[str, Any]]:
        return json.loads(self.file.read_text())["rows"] if self.file.is_file() else []

    def row(self, label: str, seed: int) -> dict[str, Any] | None:
        return next((row for row in self.rows() if (row["label"], row["seed"]) == (label, seed)), None)

    def keep(self, row: dict[str, Any]) -> dict[str, Any]:
        facts = {"device": asdict(choose_device(self.args.device)), "rows": [*self.rows(), row]}
        with replacing(self.file) as file:
            file.write(json.dumps(facts, indent=1, default=str).encode())
        return row

    def train(self, method: str, seed: int) -> RunFolder:
        """As `locutor train start` does it, in a process of its own."""
        args, name = self.args, f"{method}-{seed}"
        folder = RunFolder(self.catalog.root / name)
        if not folder.exists():
            values = {
                "model_name": name, "dataset": str(args.dataset), "method": method, "seed": seed, "evaluate": False,
                "epochs": args.epochs, "batch_size": args.batch_size, "rank": args.rank,
                "learning_rate": args.lora_rate if method == "lora" else args.full_rate, "keep_last": 1,
                "save_every": 50,
            }  # fmt: skip
            folder.create(config_of_folder(args.dataset, values))
        if folder.status().state != "completed":
            environ = {"LOCUTOR_DATA_DIR": str(args.work), "LOCUTOR_DEVICE": self.device}
            command = [sys.executable, "-m", "locutor.cli.main", "train", "work", name]
            subprocess.run(command, env={**os.environ, **MALLOC, **environ}, check=True)
        if (now := folder.status()).state != "completed":
            raise SystemExit(f"{name}: {now.state}, {now.message}; give the command again to go on")
        return folder

    def judge(self, label: str, folder: RunFolder, model: str, seed: int, listeners: Any) -> dict[str, Any]:
        others = [Voice.from_file(path) for path in sorted(self.args.others.iterdir()) if io.probe(path)]
        judge = Judge(
            folder=folder, speaker=local_speaker(self.catalog, default_registry(), self.device), listeners=listeners,
            others=others, seed=seed,
        )  # fmt: skip
        items = items_of(folder.config().language, [TARGET])[: self.args.n_texts]
        started = time.monotonic()
        report = judge.judge(f"{folder.path.name}/{model}", None, items)
        (self.args.work / f"{label}-{seed}.json").write_text(report.to_json())
        values = figures(report) | {"judged_s": time.monotonic() - started}
        return {"label": label, "seed": seed, "n_texts": len(items)} | values


def measure(bench: Bench) -> None:
    listeners = load(lambda error: print(error), 0)
    for seed in range(bench.args.seeds):
        for method in bench.args.methods:
            folder = bench.train(method, seed)
            if bench.row(ZERO_SHOT, seed) is None:
                show(bench.keep(bench.judge(ZERO_SHOT, folder, "base", seed, listeners)))
            if bench.row(method, seed) is None:
                row = bench.judge(method, folder, "model_last", seed, listeners)
                show(bench.keep(row | cost(bench, folder)))


def cost(bench: Bench, folder: RunFolder) -> dict[str, Any]:
    """updates, minutes of training, memory of the process at most, size of the saved files."""
    state = json.loads(next(folder.state.glob("step_*/state.json")).read_text())
    plan = json.loads((folder.path / "plan.json").read_text())
    return {
        "updates": state["step"],
        "train_min": state["elapsed_s"] / 60,
        "peak_gb": (folder.status().peak_bytes or 0) / 1e9,
        "foreseen_gb": plan["peak_bytes"] / 1e9,
        "file_mb": bench.catalog.model(f"{folder.path.name}/model_last").n_bytes / 1e6,
    }


def show(row: dict[str, Any]) -> None:
    shown = [f"{k} {row[k]:.3f}" for k in (*MEASURES, "updates", "train_min", "peak_gb", "file_mb") if k in row]
    print(f"{row['label']:10} seed {row['seed']}  " + "  ".join(shown), flush=True)


def met(bench: Bench, method: str) -> bool:
    """Print the gains of a method, and whether each bar is met by the mean of the seeds."""
    pairs = [(bench.row(ZERO_SHOT, seed), bench.row(method, seed)) for seed in range(bench.args.seeds)]
    gain = {k: statistics.mean(b[k] - a[k] for a, b in pairs if a and b) for k in ("sim", "margin", "wer")}
    bars = {
        f"SIM {gain['sim']:+.3f}, wanted {SIM_GAIN:+.2f}": gain["sim"] >= SIM_GAIN,
        f"margin {gain['margin']:+.3f}, wanted above 0": gain["margin"] > 0,
        f"WER {100 * gain['wer']:+.2f} points, wanted {100 * WER_LOSS:+.0f} at most": gain["wer"] <= WER_LOSS,
    }
    for bar, is_met in bars.items():
        print(f"{method:10} {'met' if is_met else 'MISSED'}: {bar}")
    return all(bars.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--others", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--rank", type=int)
    parser.add_argument("--full-rate", type=float)
    parser.add_argument("--lora-rate", type=float)
    parser.add_argument("--methods", nargs="+", default=["full", "lora"])
    parser.add_argument("--n-texts", type=int, default=60)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    args.dataset, args.work = args.dataset.resolve(), args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    set_threads(None)
    bench = Bench(args, RunCatalog(args.work / "training", CheckpointStore(args.work)), choose_device(args.device).name)
    measure(bench)
    print()
    for label in (ZERO_SHOT, *args.methods):
        mine = [row for row in bench.rows() if row["label"] == label]
        numbers = {k for row in mine for k, v in row.items() if isinstance(v, float | int)}
        show({k: statistics.mean(row[k] for row in mine) for k in numbers} | {"label": label, "seed": f"1-{len(mine)}"})
    sys.exit(not all([met(bench, method) for method in args.methods]))


if __name__ == "__main__":
    main()
