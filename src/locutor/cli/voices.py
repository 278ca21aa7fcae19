"""`locutor voices`: whom Locutor can speak as."""

import typer

from locutor.cli.console import console, table

app = typer.Typer(help="List voices.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keeps `list` a command of its own while it is the only one."""


@app.command("list")
def list_voices() -> None:
    """The preset voices and your own."""
    from locutor.bootstrap import voice_store
    from locutor.settings import load_settings

    grid = table("Voices", "id", "name", "kind", "language", "transcript", "licence")
    for voice in voice_store(load_settings()).list():
        transcript = "yes" if voice.ref_text else "no"
        grid.add_row(voice.id, voice.name, voice.kind, voice.language or "-", transcript, voice.licence or "-")
    console().print(grid)
