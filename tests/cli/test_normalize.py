from pathlib import Path
from typing import Any


def test_shows_what_will_be_spoken(run: Any) -> None:
    assert run("normalize", "I have 2 cats.").stdout == "I have two cats.\n"
    assert run("normalize", "Tenho 2 gatos.", "--lang", "pt-BR").stdout == "Tenho dois gatos.\n"
    assert run("normalize", "-", input="2 cats").stdout == "two cats\n"


def test_explains(run: Any) -> None:
    lines = run("normalize", "I have 2 cats.", "--explain").stdout.splitlines()
    assert lines[-1].split()[:2] == ["2", "two"]


def test_lexicon(run: Any) -> None:
    Path("words.txt").write_text("GIF = jif\n")
    assert run("normalize", "A GIF.", "--lexicon", "words.txt").stdout == "A jif.\n"


def test_refusals(run: Any, refused: Any) -> None:
    assert refused(run("normalize", "x", "--lang", "ja"), 2).startswith("no text normaliser for 'ja'")
    assert refused(run("normalize", "x", "--lang", "xx"), 2).startswith("unknown language 'xx'")
    assert refused(run("normalize", " "), 1).startswith("the text is empty")
    assert refused(run("normalize", "..."), 1).startswith("nothing to speak in '...'")
    assert refused(run("normalize", "x", "--lexicon", "gone.txt"), 1) == "no lexicon file gone.txt"
