"""`locutor normalize`: what will be spoken."""

from pathlib import Path
from typing import Annotated

import typer

from locutor.cli.console import console, table
from locutor.cli.text import read_text


def normalize(
    text: Annotated[str, typer.Argument(help="A text; - reads it from stdin.")],
    lang: Annotated[str | None, typer.Option(help="Language of the text: en or pt-BR.")] = None,
    lexicon: Annotated[Path | None, typer.Option(help="A file of pronunciations.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show each change and its rule instead.")] = False,
) -> None:
    """Show a text as it will be spoken: numbers, dates and abbreviations as words."""
    from locutor import bootstrap
    from locutor.settings import load_settings
    from locutor.text import normalize as spoken

    settings = load_settings(lang=lang, lexicon=lexicon)
    written, words = read_text(text), bootstrap.lexicon(settings)
    if not explain:
        typer.echo(spoken.normalize(written, settings.lang, words))
        return
    grid = table("Read differently", "written", "spoken", "rule")
    for change in spoken.explain(written, settings.lang, words):
        grid.add_row(change.original, change.spoken or "(nothing)", change.rule)
    console().print(grid)
