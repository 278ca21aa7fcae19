import re
from pathlib import Path
from typing import Any

import pytest


def state(output: str, check: str) -> str:
    match = re.search(rf"^{re.escape(check)}\s+(ok|note|FAIL)\b.*$", output, re.MULTILINE)
    assert match, output
    return match[1]


def test_a_sound_installation(run: Any) -> None:
    result = run("doctor", "--no-speak")
    assert result.exit_code == 0
    for check in ("python", "torch", "device", "settings", "data folder"):
        assert state(result.stdout, check) == "ok"


def test_speaks_a_word(run: Any, tones: str, home: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "data" / "voices" / "hum"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Hum\naudio: hum.wav\n")
    recording.rename(folder / "hum.wav")
    monkeypatch.setenv("LOCUTOR_MODEL", tones)
    monkeypatch.setenv("LOCUTOR_VOICE", "hum")
    result = run("doctor")
    assert result.exit_code == 0 and state(result.stdout, "speech") == "ok"


def test_voices_of_the_library_speak(run: Any, tones: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Path(__file__).parents[1] / "clips" / "voice_02.ogg"
    assert run("voices", "add", "Ana", clip).exit_code == 0
    monkeypatch.setenv("LOCUTOR_MODEL", tones)
    monkeypatch.setenv("LOCUTOR_VOICE", "Ana")
    assert state(run("doctor").stdout, "speech") == "ok"


def test_an_extra_that_is_missing_is_named_whole(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locutor.cli.doctor._installed", lambda package: False)
    assert "locutor[asr]" in run("doctor", "--no-speak").stdout


def test_what_keeps_it_from_speaking_is_a_failure(run: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTOR_VOICE", "nobody")
    result = run("doctor", "--device", "cuda:99")
    assert result.exit_code == 1
    assert state(result.stdout, "speech") == state(result.stdout, "device") == "FAIL"


def test_a_data_folder_that_cannot_be(run: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").touch()
    monkeypatch.setenv("LOCUTOR_DATA_DIR", str(home / "file" / "data"))
    result = run("doctor", "--no-speak")
    assert result.exit_code == 1 and state(result.stdout, "data folder") == "FAIL"


def test_misspelt_variables(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUTOR_VIOCE", "x")
    result = run("doctor", "--no-speak")
    assert result.exit_code == 0 and state(result.stdout, "settings") == "note" and "LOCUTOR_VIOCE" in result.stdout


def test_threads_are_set(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    monkeypatch.setenv("LOCUTOR_THREADS", str(before + 2))
    try:
        assert f"CPU, {before + 2} threads" in run("doctor", "--no-speak", "--device", "cpu").stdout
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("missing", "told"), [(None, "ok"), ("gcc", "note")])
def test_what_kernels_on_a_gpu_need(run: Any, monkeypatch: pytest.MonkeyPatch, missing: str | None, told: str) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: "a GPU")
    monkeypatch.setattr("locutor.engines.device.missing_for_triton", lambda: missing)
    result = run("doctor", "--no-speak")
    assert result.exit_code == 0 and state(result.stdout, "kernels") == told
    assert missing is None or f"without {missing} F5-TTS and XTTS-v2 are slower" in result.stdout
    assert "\nkernels" not in run("doctor", "--no-speak", "--device", "cpu").stdout
