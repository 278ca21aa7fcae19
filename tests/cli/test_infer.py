"""`locutor infer` on a tiny F5 checkpoint with random weights: the mission's flags, and every file it refuses."""

import importlib.util
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

KIT = Path(__file__).parents[1] / "engines" / "f5" / "kit.py"
TEXT = "hello there. what now"


@pytest.fixture(scope="module")
def kit() -> Any:
    spec = importlib.util.spec_from_file_location("f5_kit_of_the_cli", KIT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    return module


@pytest.fixture
def files(kit: Any, home: Path) -> dict[str, Path]:
    found: dict[str, Path] = kit.write_files(home / "tiny")
    return found


@pytest.fixture
def flags(files: dict[str, Path], recording: Path) -> dict[str, Any]:
    """A complete call; tests change single flags."""
    return {
        "--checkpoint": files["model.safetensors"],
        "--vocab": files["vocab.txt"],
        "--vocoder": files["vocoder.safetensors"],
        "--text": TEXT,
        "--ref-audio": recording,
        "--ref-text": "a hum",
        "--device": "cpu",
        "--nfe-step": 2,
        "--seed": 3,
    }


@pytest.fixture
def infer(run: Any, flags: dict[str, Any]) -> Any:
    def call(*more: Any, **changes: Any) -> Any:
        given = flags | {"--" + name.replace("_", "-"): value for name, value in changes.items()}
        return run("infer", *(part for pair in given.items() if pair[1] is not None for part in pair), *more)

    return call


def test_writes_a_file(infer: Any) -> None:
    result = infer()
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    info = soundfile.info("out.wav")
    assert info.samplerate == 24_000 and info.duration > 0.5
    assert f"out.wav: {info.duration:.2f} s in " in result.stderr and "RTF" in result.stderr


def test_short_flags_and_no_sub_command(run: Any, flags: dict[str, Any]) -> None:
    short = {"--checkpoint": "-c", "--vocab": "-v", "--text": "-t", "--ref-audio": "-r", "--device": "-d"}
    short |= {"--nfe-step": "-n"}
    args = [part for name, value in flags.items() for part in (short.get(name, name), value)]
    assert run("infer", *args, "-s", 2, "-o", "fast.wav").exit_code == 0
    assert run("infer", *args, "-s", 1, "-o", "slow.wav").exit_code == 0
    assert soundfile.info("fast.wav").duration < soundfile.info("slow.wav").duration


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"nfe_step": 3}, {"cfg_strength": 4.0}, {"sway_sampling_coef": 0.5}, {"speed": 0.6}]
)
def test_each_option_changes_the_speech(infer: Any, change: dict[str, Any]) -> None:
    for name, options in (("a.wav", {}), ("b.wav", {}), ("c.wav", change)):
        assert infer("-o", name, **options).exit_code == 0
    a, b, c = (Path(name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
    assert a == b != c


def test_fix_duration_counts_the_reference_as_f5_tts_does(infer: Any) -> None:
    assert infer("--fix-duration", "5").exit_code == 0
    assert 2.5 < soundfile.info("out.wav").duration < 3.5


@pytest.mark.slow
def test_as_a_module(flags: dict[str, Any]) -> None:
    args = [str(part) for pair in flags.items() for part in pair]
    command = [sys.executable, "-m", "locutor.cli.infer", *args, "-o", "-", "--verbose"]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"RIFF") and b"stdout: " in done.stderr
    assert b"as asked" in done.stderr  # --verbose says which device was taken


def test_characters_that_cannot_be_said_are_reported(infer: Any) -> None:
    result = infer(text="hello \N{SNOWMAN} there")
    assert result.exit_code == 0
    assert "note: the voice model cannot pronounce '\N{SNOWMAN}'; left out" in result.stderr


def test_the_pulled_vocoder_is_found(infer: Any, refused: Any) -> None:
    message = refused(infer(vocoder=None), 1)
    assert "vocos-mel-24khz" in message and "locutor models pull vocos-mel-24khz" in message


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("checkpoint", "-c/--checkpoint is missing"),
        ("vocab", "-v/--vocab is missing"),
        ("text", "-t/--text is missing"),
        ("ref_audio", "-r/--ref-audio is missing"),
    ],
)
def test_missing_flags(infer: Any, refused: Any, flag: str, sentence: str) -> None:
    assert refused(infer(**{flag: None}), 2) == f"{sentence}; see: locutor infer --help"


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"nfe_step": 129}, 2, "nfe_step must be between 1 and 128, not 129"),
        ({"nfe_step": 0}, 2, "nfe_step must be between 1 and 128, not 0"),
        ({"cfg_strength": 0.5}, 2, "cfg_strength must be between 1 and 5, not 0.5"),
        ({"speed": 2.5}, 2, "speed must be between 0.5 and 2, not 2.5"),
        ({"sway_sampling_coef": -2}, 2, "sway_sampling_coef must be between -1 and 1, not -2"),
        ({"device": "cuda:99"}, 2, "device 'cuda:99' is not available; choose one of: auto, "),
        ({"output": "out.doc"}, 2, "the name of an audio file must end in one of "),
        ({"output": "gone/out.wav"}, 1, "there is no folder gone to write out.wav to"),
        ({"checkpoint": "gone.safetensors"}, 1, "there is no file gone.safetensors"),
        ({"vocab": "gone.txt"}, 1, "there is no file gone.txt"),
        ({"ref_audio": "gone.wav"}, 1, "there is no audio file gone.wav"),
        ({"text": "  "}, 1, "the text is empty; give something to say"),
        ({"text": "..."}, 1, ""),
        ({"config": "F5TTS_v9"}, 1, "no F5 config named 'F5TTS_v9'; there are F5TTS_v1_Base, "),
    ],
)
def test_refusals(infer: Any, refused: Any, change: dict[str, Any], code: int, sentence: str) -> None:
    assert refused(infer(**change), code).startswith(sentence)
    assert not Path("out.wav").exists()


def test_a_checkpoint_that_does_not_tell_its_variant(infer: Any, refused: Any, files: dict[str, Path]) -> None:
    (files["model.safetensors"].parent / "model.yaml").unlink()
    assert "cannot tell which F5 variant" in refused(infer(), 1)


def test_missing_extra_and_misshapen_tensors(infer: Any, refused: Any, files: dict[str, Path]) -> None:
    path = files["model.safetensors"]
    tensors = load_file(path)
    first, second, *_ = sorted(name for name in tensors if "transformer_blocks" in name and name.endswith("weight"))
    tensors["ema_model.transformer.surplus"] = tensors.pop(first)
    tensors[second] = tensors[second][:1].contiguous()
    save_file(tensors, path)
    message = refused(infer(), 1)
    for part in ("1 tensors missing", "1 tensors not expected (surplus)", "1 tensors of the wrong shape"):
        assert part in message
    assert second.removeprefix("ema_model.transformer.") in message


def test_a_wrong_vocabulary(infer: Any, refused: Any, files: dict[str, Path]) -> None:
    files["vocab.txt"].write_text(" \na\nb\n")
    assert "was trained with a vocabulary of 40 tokens, but the vocabulary file has 3" in refused(infer(), 1)


class _Attack:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("pwned"),))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_with_code_in_it_is_not_run(infer: Any, refused: Any, files: dict[str, Path], how: str) -> None:
    path = files["model.safetensors"].with_name("model.pt")
    if how == "torch":
        torch.save({"model": _Attack()}, path)
    else:
        path.write_bytes(pickle.dumps({"model": _Attack()}, protocol=2))
    assert "only plain tensors are accepted" in refused(infer(checkpoint=path), 1)
    assert not Path("pwned").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
def test_a_damaged_checkpoint(infer: Any, refused: Any, files: dict[str, Path], name: str) -> None:
    path = files["model.safetensors"].with_name(name)
    path.write_bytes(b"not a network" * 100)
    assert name in refused(infer(checkpoint=path), 1)


def test_info(run: Any, files: dict[str, Path], refused: Any) -> None:
    shown = run("infer", "info", "-c", files["model.safetensors"])
    assert shown.exit_code == 0, shown.stderr
    assert "dim=128" in shown.stdout and "text_mask_padding=True" in shown.stdout
    n_parameters = sum(t.numel() for t in load_file(files["model.safetensors"]).values())
    assert f"{n_parameters:,} parameters" in shown.stdout and "float32" in shown.stdout
    assert "40 tokens" in shown.stdout
    assert refused(run("infer", "info", "-c", "gone.pt"), 1) == "no weights file at gone.pt"


@pytest.mark.parametrize("args", [["--verbose", "infer", "info"], ["infer", "--verbose", "info"]])
def test_verbose_wherever_it_stands_shows_the_traceback(run: Any, args: list[str]) -> None:
    result = run(*args, "-c", "gone.pt")
    assert result.exit_code == 1 and result.stderr.startswith("error: no weights file at gone.pt\n")
    assert "Traceback" in result.stderr


def test_a_fine_tune_with_a_card_is_a_model_like_any_other(run: Any, kit: Any, home: Path, recording: Path) -> None:
    folder = home / "data" / "models" / "mine"
    files = kit.write_files(folder)
    roles = {"model": "model.safetensors", "vocab": "vocab.txt", "vocoder": "vocoder.safetensors"}
    card = {"id": "mine", "engine": "f5", "title": "Mine", "languages": ["en"], "licence": "CC0-1.0"}
    card |= {"commercial_use": True, "files": [{"role": role, "path": path} for role, path in roles.items()]}
    (folder / "card.yaml").write_text(json.dumps(card))
    speak = ("say", "Hello there.", "--ref-audio", recording, "--ref-text", "a hum", "--nfe-step", 2, "--model", "mine")
    result = run(*speak)
    assert result.exit_code == 0, result.stderr
    assert "model mine (CC0-1.0, commercial use allowed)" in result.stderr
    assert soundfile.info("out.wav").samplerate == 24_000
    files["vocab.txt"].write_text("tampered")
    assert "pull the model again" in run(*speak).stderr
