"""The command `locutor`. One file per noun; nothing heavy is imported before a command runs."""

import os
from typing import Annotated

import typer

from locutor.cli import (
    checkpoints,
    config,
    dataset,
    doctor,
    evaluate,
    infer,
    jobs,
    keys,
    models,
    normalize,
    say,
    serve,
    train,
    voices,
)
from locutor.cli.edge import EdgeGroup, show_remarks

app = typer.Typer(
    name="locutor",
    cls=EdgeGroup,
    help="Clone a voice and let it speak, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.command("say")(say.say)
app.command("serve")(serve.serve)
app.command("normalize")(normalize.normalize)
app.command("evaluate")(evaluate.evaluate)
app.command("doctor")(doctor.doctor)
app.add_typer(dataset.app, name="dataset")
app.add_typer(train.app, name="train")
app.add_typer(checkpoints.app, name="checkpoints")
app.add_typer(infer.app, name="infer")
app.add_typer(models.app, name="models")
app.add_typer(voices.app, name="voices")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(config.app, name="config")


def _show_version(asked: bool) -> None:
    if asked:
        from locutor import __version__

        typer.echo(f"locutor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what is done, and tracebacks of errors.")] = False,
) -> None:
    """Options of every command; the edge too reads `verbose`."""
    show_remarks(verbose)


def main() -> None:
    """Entry point of the console script."""
    # GNU OpenMP's threads wait for each other by spinning without end: on a machine that is busy with something else,
    # speech then takes up to ten times as long. It reads this when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    app()


if __name__ == "__main__":
    main()
