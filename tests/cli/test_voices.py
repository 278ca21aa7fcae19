from pathlib import Path
from typing import Any


def test_list(run: Any, home: Path) -> None:
    folder = home / "data" / "voices" / "ana"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Ana Maria\naudio: a.wav\nlanguage: pt-BR\nref_text: Olá.\n")
    lines = run("voices", "list").stdout.splitlines()
    assert lines[2].split()[0] == "default" and "preset" in lines[2]
    assert lines[-1].split() == ["ana", "Ana", "Maria", "own", "pt-BR", "yes", "-"]


def test_a_damaged_card(run: Any, home: Path, refused: Any) -> None:
    folder = home / "data" / "voices" / "ana"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Ana\n")
    assert "voice.yaml: audio: Field required" in refused(run("voices", "list"), 2)
