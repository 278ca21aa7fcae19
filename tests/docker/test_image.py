"""No Docker is at hand: the steps of the Dockerfile are scripts, and these are run in a clean folder."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from locutor.settings import load_settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def copied() -> list[str]:
    """What the first stage takes along."""
    source = DOCKERFILE.split("FROM source")[0]
    return [name for line in re.findall(r"^COPY (.*) \S+$", source, re.MULTILINE) for name in line.split()]


def test_each_step_is_a_script_of_ours() -> None:
    steps = [re.sub(r'\b[A-Z_]+=("\$\w+")? ', "", step) for step in re.findall(r"^RUN (.*)$", DOCKERFILE, re.MULTILINE)]
    assert len(steps) == 4
    for step in steps:
        script = ROOT / "docker" / Path(step.split()[0]).name
        assert script.is_file() and os.access(script, os.X_OK), step
        assert subprocess.run(["sh", "-n", str(script)]).returncode == 0


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == kept and all((ROOT / name).exists() for name in kept)


def test_it_runs_as_nobody_special_and_both_targets_are_there() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert {"cpu", "cuda", "runtime"} <= set(stages)
    runtime = DOCKERFILE.split(" AS runtime")[1].split("FROM")[0]
    assert "\nUSER locutor\n" in runtime and runtime.index("USER locutor") > runtime.index("account.sh")
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["locutor", "root", "locutor"]
    for name, value in re.findall(r"LOCUTOR_(\w+)=(\S+)", DOCKERFILE):
        assert load_settings(**{name.lower(): value}), name


def test_the_composition_names_what_the_dockerfile_has() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["locutor"]["build"]["target"] == "${LOCUTOR_TARGET:-cpu}"
    assert services["locutor-cuda"]["build"]["target"] == "cuda"
    for service in services.values():
        assert service["ports"] == ["127.0.0.1:8005:8005"] and service["volumes"] == ["data:/var/lib/locutor"]


def test_the_account_owns_its_folder(tmp_path: Path) -> None:
    name = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    folder = tmp_path / "var" / "locutor"
    subprocess.run([ROOT / "docker" / "account.sh", name, folder], check=True)
    assert folder.stat().st_mode & 0o777 == 0o750 and folder.owner() == name
    subprocess.run([ROOT / "docker" / "account.sh", name, folder], check=True)


@pytest.mark.slow
def test_the_install_step_makes_a_working_environment(tmp_path: Path) -> None:
    source, venv = tmp_path / "source", tmp_path / "venv"
    source.mkdir()
    for name in copied():
        whole = ROOT / name
        copy = shutil.copytree if whole.is_dir() else shutil.copy
        copy(whole, source / name)
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    own = subprocess.run(["pip", "config", "get", "global.index-url"], capture_output=True, text=True).stdout.strip()
    index = os.environ.get("PIP_INDEX_URL") or own or "https://pypi.org/simple"  # named, as the image names PyTorch's
    subprocess.run([source / "docker" / "install.sh", source, venv], check=True, env=plain | {"TORCH_INDEX": index})
    data = {"LOCUTOR_DATA_DIR": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    made = subprocess.run(
        [venv / "bin" / "locutor", "keys", "create", "me"], env=plain | data, capture_output=True, text=True, check=True
    )
    assert made.stdout.startswith("loc_")
    subprocess.run(
        [venv / "bin" / "locutor", "say", "Hello from a clean place.", "-o", tmp_path / "a.wav"],
        env=plain | data,
        check=True,
    )
    assert (tmp_path / "a.wav").stat().st_size > 20_000
