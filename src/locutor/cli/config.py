"""`locutor config`: which settings hold here, and why."""

import os
from typing import Annotated

import typer

from locutor.cli.console import console, table
from locutor.cli.console import say as remark

app = typer.Typer(help="Settings of this installation.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keeps `show` a command of its own while it is the only one."""


@app.command("show")
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Also show where each value comes from.")] = False,
) -> None:
    """Every setting as `locutor serve` would use it."""
    from locutor.legacy import load_server_settings
    from locutor.settings import unknown_variables

    loaded = load_server_settings(os.environ)
    grid = table("Settings", "setting", "value", *(["origin"] if origin else []))
    for name, source in loaded.origins.items():
        value = getattr(loaded.settings, name)
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else "-" if value is None else str(value)
        grid.add_row(name, shown or "-", *([source] if origin else []))
    console().print(grid)
    for warning in loaded.warnings:
        remark(f"note: {warning}")
    for name in unknown_variables(os.environ):
        remark(f"note: {name} is no setting of Locutor; nothing reads it")
