import re
from pathlib import Path
from typing import Any

import pytest


def test_list(run: Any, home: Path) -> None:
    folder = home / "data" / "voices" / "ana"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Ana Maria\naudio: a.wav\nlanguage: pt-BR\nref_text: Olá.\n")
    lines = run("voices", "list").stdout.splitlines()
    assert lines[2].split()[0] == "default" and "preset" in lines[2]
    assert lines[-1].split() == ["ana", "Ana", "Maria", "own", "pt-BR", "yes", "-", "any"]


def test_speakers_of_models_are_listed(run: Any, home: Path, install_xtts: Any) -> None:
    install_xtts(home / "data", "tiny-xtts", ("Ana Florence", "Ben"))
    *_, ana, ben = run("voices", "list").stdout.splitlines()
    assert ana.split() == ["tiny-xtts:Ana", "Florence", "Ana", "Florence", "speaker", "-", "no", "CPML", "tiny-xtts"]
    assert "tiny-xtts:Ben" in ben


def test_a_damaged_card(run: Any, home: Path, refused: Any) -> None:
    folder = home / "data" / "voices" / "ana"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Ana\n")
    assert "voice.yaml: audio: Field required" in refused(run("voices", "list"), 2)


CLIP = Path(__file__).parents[1] / "clips" / "voice_02.ogg"


def test_the_life_of_a_voice(run: Any, home: Path, refused: Any) -> None:
    made = run("voices", "add", "Ana", CLIP, "--language", "en", "--permission", "synthetic", "--transcript", "Use it.")
    assert made.exit_code == 0, made.stderr
    assert "8.85" in made.stdout.replace("8.849", "8.85") and "synthetic, says the command line" in made.stdout
    assert "already" in refused(run("voices", "add", "Ana", CLIP), 1)
    assert "1 recordings and 2 transcripts" in refused(
        run("voices", "add", "B", CLIP, "--transcript", "a", "--transcript", "b"), 2
    )
    assert run("voices", "export", "Ana", "-o", "ana.zip").exit_code == 0
    assert "Use it." in run("voices", "import", "ana.zip", "--name", "Rui").stdout
    assert "75%" in run("voices", "blend", "Mix", "Ana=3", "Rui=1").stdout
    assert "VOICE=WEIGHT" in refused(run("voices", "blend", "M", "Ana"), 2)
    assert "part of the blend 'Mix'" in refused(run("voices", "remove", "Ana", "--yes"), 1)
    kept = run("voices", "remove", "Rui", input="n\n")
    assert kept.exit_code == 1 and "kept Rui" in kept.stderr
    for name in ("Mix", "Ana"):
        assert run("voices", "remove", name, "--yes").exit_code == 0
    assert "library" in run("voices", "list").stdout and "Rui" in run("voices", "show", "Rui").stdout
    assert "no voice 'Ana'" in refused(run("voices", "show", "Ana"), 1)


def test_brackets_are_brackets(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run("voices", "add", "Ana", CLIP, "--description", "see [/docs] [red] :smile:")
    assert made.exit_code == 0 and "see [/docs] [red] :smile:" in made.stdout
    monkeypatch.delenv("COLUMNS")
    row = re.search(r"^voice_[0-9a-f]{16} .* any *$", run("voices", "list").stdout, re.MULTILINE)
    assert row, "where there is no terminal a row is a line"


def test_what_voices_refuse(run: Any, refused: Any, home: Path) -> None:
    assert "unknown language 'xx'" in refused(run("voices", "add", "Ana", CLIP, "--language", "xx"), 2)
    assert "is a directory" in run("voices", "import", home).stderr
