import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from locutor.errors import CheckpointError, StorageError
from locutor.training import checkpoint
from locutor.training.checkpoint import RunState
from locutor.training.ema import EMA


def parts(width: int = 4, seed: int = 0) -> tuple[nn.Module, EMA, torch.optim.AdamW]:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, width), nn.Linear(width, 1))
    return network, EMA(network, 0.9), torch.optim.AdamW(network.parameters(), lr=0.01)


def train(network: nn.Module, ema: EMA, optimizer: torch.optim.Optimizer, n: int = 3) -> None:
    for step in range(n):
        optimizer.zero_grad()
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(step))
        network(x).square().sum().backward()
        optimizer.step()
        ema.update()


def saved(run: Path, step: int = 3, keep_last: int = 9) -> Path:
    network, ema, optimizer = parts()
    train(network, ema, optimizer)
    return checkpoint.save(run, network, ema, optimizer, RunState(step, 1.5, 0.25), keep_last)


def test_restored_training_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    network, ema, optimizer = parts()
    train(network, ema, optimizer)
    folder = checkpoint.save(tmp_path, network, ema, optimizer, RunState(3, 1.5, 0.25), 2)
    assert folder.name == "step_00000003"
    others = parts(seed=9)
    assert checkpoint.restore(folder, *others) == RunState(3, 1.5, 0.25)
    for run in ((network, ema, optimizer), others):
        train(*run, n=4)
    for (name, tensor), other in zip(network.state_dict().items(), others[0].state_dict().values(), strict=True):
        assert torch.equal(tensor, other), name
    assert others[1].n_updates == ema.n_updates == 7
    assert all(torch.equal(ema.tensors[k], others[1].tensors[k]) for k in ema.tensors)


def test_before_the_first_held_out_loss(tmp_path: Path) -> None:
    folder = checkpoint.save(tmp_path, *parts(), RunState(), 1)
    assert checkpoint.restore(folder, *parts()) == RunState(best_held_out=float("inf"))


def test_the_best_is_spared_by_pruning(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        folder = saved(tmp_path, step, keep_last=2)
        if step == 1:
            checkpoint.mark_best(tmp_path, folder)
    for step in (4, 5):
        saved(tmp_path, step, keep_last=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best", "step_00000001", "step_00000004", "step_00000005"]
    checkpoint.mark_best(tmp_path, tmp_path / "step_00000005")
    saved(tmp_path, 6, keep_last=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best", "step_00000005", "step_00000006"]
    assert (tmp_path / "best").read_text() == "step_00000005"


def test_the_latest_is_the_one_with_the_most_steps(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path / "nowhere") is None
    for step in (9, 100, 20):
        saved(tmp_path, step)
    (tmp_path / "step_00000999").mkdir()  # not one of ours: it holds no state
    found = checkpoint.latest(tmp_path)
    assert found is not None and found.name == "step_00000100"


def test_saving_a_step_twice_keeps_the_first(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    before = (folder / "network.safetensors").stat()
    assert saved(tmp_path) == folder and (folder / "network.safetensors").stat() == before


def spoil(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def without(key: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        facts = json.loads((folder / "state.json").read_text())
        del facts[key]
        (folder / "state.json").write_text(json.dumps(facts))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        spoil("network.safetensors", b"half"),
        spoil("ema.safetensors", b""),
        spoil("optimizer.safetensors", b"\xff" * 99),
        spoil("state.json", b"{"),
        spoil("state.json", b"[]"),
        without("ema_updates"),
        lambda folder: (folder / "ema.safetensors").unlink(),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = saved(tmp_path)
    damage(folder)
    with pytest.raises(CheckpointError, match="step_00000003 does not fit"):
        checkpoint.restore(folder, *parts())


def test_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"(?s)step_00000003 does not fit this network: .*size mismatch"):
        checkpoint.restore(saved(tmp_path), *parts(width=5))


SAVE = """
import os, resource, signal, sys
import torch
from torch import nn
from pathlib import Path
from locutor.errors import StorageError
from locutor.training import checkpoint
from locutor.training.checkpoint import RunState
from locutor.training.ema import EMA

torch.set_num_threads(1)
network = nn.Linear(300, 300)
optimizer = torch.optim.AdamW(network.parameters())
run = Path(sys.argv[1])
save = lambda step: checkpoint.save(run, network, EMA(network, 0.9), optimizer, RunState(step), 5)
save(1)
{then}
"""


def run_save(run: Path, then: str) -> subprocess.CompletedProcess[str]:
    script = SAVE.format(then=textwrap.dedent(then))
    return subprocess.run([sys.executable, "-c", script, str(run)], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_killed_while_writing_leaves_only_whole_checkpoints(tmp_path: Path) -> None:
    """SIGKILL just before the finished folder would get its name."""
    done = run_save(tmp_path, "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nsave(2)")
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = checkpoint.latest(tmp_path)
    assert found is not None and found.name == "step_00000001"
    left = [p.name for p in tmp_path.iterdir() if p.name != "step_00000001"]
    assert len(left) == 1 and left[0].startswith(".unfinished_")
    assert not list(tmp_path.glob("step_00000002*"))


@pytest.mark.slow
def test_a_disk_that_refuses_is_a_storage_error_and_leaves_nothing_half(tmp_path: Path) -> None:
    """A limit on the size of files: the kernel refuses the bytes, as it does on a full disk."""
    done = run_save(
        tmp_path,
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            save(2)
        except StorageError as error:
            print(error)
        """,
    )
    assert done.returncode == 0, done.stderr
    assert "could not write checkpoint" in done.stdout and "step_00000002: " in done.stdout
    assert "File too large" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["step_00000001"]


def test_a_run_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not write checkpoint .*step_00000003: .*Not a directory"):
        saved(tmp_path / "file" / "run")
    folder = saved(tmp_path / "run")
    (tmp_path / "run" / "best").mkdir()
    with pytest.raises(StorageError, match="could not write checkpoint .*best: .*Is a directory"):
        checkpoint.mark_best(tmp_path / "run", folder)


def test_the_files_of_a_checkpoint(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    names = ["ema.safetensors", "network.safetensors", "optimizer.safetensors", "state.json"]
    assert sorted(os.listdir(folder)) == names
    assert json.loads((folder / "state.json").read_text()) == {
        "step": 3,
        "elapsed_s": 1.5,
        "best_held_out": 0.25,
        "n_stale": 0,
        "ema_updates": 3,
    }


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    checkpoint.sweep(tmp_path / "none")
    folder = saved(tmp_path)
    (tmp_path / ".unfinished_abc" / "step_00000009").mkdir(parents=True)
    (tmp_path / ".unfinished_abc" / "step_00000009" / "network.safetensors").write_bytes(b"half")
    checkpoint.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
