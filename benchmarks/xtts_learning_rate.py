"""How much a low-rank adapter of XTTS-v2 learns at a learning rate, beside all weights: loss after N updates.

A small network, random at first, is taught one set of clips whole; from there on each method and rate is taught another
set, by the code that runs use. Weights and clips are synthetic, so the figures say which rates move an adapter at all,
not how a voice sounds. On a CPU: `python benchmarks/xtts_learning_rate.py --updates 150`.
"""

import argparse
import copy
import sys
import tempfile
from pathlib import Path

import torch

from locutor.audio import io
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.lora import adapt
from locutor.training.config import TrainConfig
from locutor.training.dataset import Dataset, Recording
from locutor.training.loop import make_optimizer, step_generators
from locutor.training.registry import make_trainable
from locutor.training.run_config import RunConfig
from locutor.training.schedule import learning_rate
from locutor.training.trainable import Lesson
from locutor.training.xtts_finetune import XttsTrainable

ROOT = Path(__file__).parents[1]
TEXTS = ("hello there", "another one", "what now?", "over the hill")
PITCHES_HZ = {"first": 100.0, "second": 230.0}
RATES = {"full": (5e-6,), "lora": (5e-6, 1e-4, 2e-4, 1e-3)}
TAUGHT_FIRST = 60  # updates at 2e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=150)
    updates = parser.parse_args().updates
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_trainable(Path(folder), name) for name in PITCHES_HZ)
    _teach(first, TrainConfig(max_steps=TAUGHT_FIRST, learning_rate=2e-3, warmup_steps=20, precision="fp32"))
    taught = copy.deepcopy(first.network)
    print(f"first set after {TAUGHT_FIRST} updates {_loss(first):.3f}")
    for method, rates in RATES.items():
        for rate in rates:
            second.network = copy.deepcopy(taught)
            if method == "lora":
                torch.manual_seed(0)
                run = RunConfig(model_name="a", dataset=Path("d"), method="lora")
                adapt(second.network, run.lora(second.adapter_targets))
            torch.manual_seed(0)  # of dropout
            before = _loss(second)
            _teach(
                second, TrainConfig(max_steps=updates, learning_rate=rate, warmup_steps=updates // 10, precision="fp32")
            )
            print(f"{method:5} {rate:7.0e}  second set {before:.3f} -> {_loss(second):.3f} after {updates} updates")


def _trainable(folder: Path, name: str) -> XttsTrainable:
    """A small XTTS-v2 and four clips of about a pitch."""
    sys.path.insert(0, str(ROOT / "tests" / "engines" / "xtts"))
    import kit

    if not (folder / "models").exists():
        kit.install(folder, "tiny", dvae=True)
    clips = []
    for i, text in enumerate(TEXTS):
        clips.append(Recording(folder / f"{name}{i}.wav", text))
        io.write(clips[-1].path, kit.reference(1.0 + 0.2 * i, 24_000, PITCHES_HZ[name] + 7.0 * i), "wav")
    lesson = Lesson(
        base=CheckpointStore(folder).locate("tiny"), dataset=Dataset(name, "en", tuple(clips), ()), batch_size=4,
        device=torch.device("cpu"), cache=folder,
    )  # fmt: skip
    found = make_trainable(lesson)
    assert isinstance(found, XttsTrainable)
    return found


def _teach(trainable: XttsTrainable, config: TrainConfig) -> None:
    """As a run does, without its files."""
    device = torch.device("cpu")
    optimizer = make_optimizer(trainable.network, config, device)
    trainable.network.train()
    for step in range(config.max_steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step, step / config.max_steps)
        on_cpu, on_device = step_generators(config.seed, step, device)
        optimizer.zero_grad(set_to_none=True)
        batch = trainable.batch(step % trainable.n_batches, on_cpu)
        torch.autograd.backward(trainable.loss(batch, on_device)["loss"])
        torch.nn.utils.clip_grad_norm_([p for p in trainable.network.parameters() if p.requires_grad], config.clip_norm)
        optimizer.step()


@torch.no_grad()
def _loss(trainable: XttsTrainable) -> float:
    """Cross entropy of the codes, mean over four draws of the prompts."""
    trainable.network.eval()
    found = []
    for k in range(4):
        for index in range(trainable.n_batches):
            batch = trainable.batch(index, torch.Generator().manual_seed(1000 + k))
            found.append(float(trainable.loss(batch, torch.Generator())["codes"]))
    return sum(found) / len(found)


if __name__ == "__main__":
    main()
