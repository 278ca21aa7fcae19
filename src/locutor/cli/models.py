"""`locutor models`: what is here, what can be had, and on what terms."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import console, progress, say, table
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.engines.card import ModelCard
    from locutor.engines.checkpoints import CheckpointStore

COQUI_LICENCE, COQUI_AGREED = "CPML", "COQUI_TOS_AGREED"

app = typer.Typer(help="List, pull and remove models.", no_args_is_help=True)

_Model = Annotated[str, typer.Argument(help="A model of `locutor models list`.")]


def _store() -> "CheckpointStore":
    from locutor.bootstrap import checkpoint_store
    from locutor.settings import load_settings

    return checkpoint_store(load_settings())


@app.command("list")
def list_models() -> None:
    """Every known model, with its licence and whether it is installed."""
    store = _store()
    grid = table("Models", "id", "engine", "languages", "licence", "commercial use", "installed")
    for card in store.cards().values():
        installed = "bundled" if card.bundled else _yes(store.is_installed(card.id))
        languages = ", ".join(card.languages) or "-"
        grid.add_row(card.id, card.engine, languages, card.licence, _yes(card.commercial_use), installed)
    console().print(grid)


@app.command("info")
def info(model: _Model) -> None:
    """What a model is, what it needs, and where its files are."""
    store = _store()
    card = store.card(model)
    lines = {
        "id": card.id,
        "title": card.title,
        "engine": card.engine,
        "languages": ", ".join(card.languages) or "-",
        "licence": f"{card.licence} {card.licence_url or ''}".rstrip(),
        "commercial use": _yes(card.commercial_use),
        "source": f"{card.source} at {card.revision}" if card.source else "the package" if card.bundled else "own",
        "requires": ", ".join(card.requires) or "-",
    }
    if store.is_installed(model):
        checkpoint = store.locate(model)
        lines["sha256"] = checkpoint.sha256
        lines |= {f"file {role}": str(path) for role, path in checkpoint.files.items()}
    else:
        lines["installed"] = f"no; get it with: locutor models pull {model}"
    for name, value in lines.items():
        typer.echo(f"{name:15} {value}")


@app.command("pull")
def pull(
    model: _Model,
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help="Accept the licence shown.")] = False,
    source: Annotated[Path | None, typer.Option("--from", help="Take the files from this folder.")] = None,
) -> None:
    """Download a model, or take it from a folder; an interrupted download goes on where it stopped."""
    store = _store()
    accepted = accept_licence or _agreed_before(store.card(model)) or _ask(store, store.card(model))
    with progress(model, unit_bytes=True) as show:
        pulled = store.pull(model, licence_accepted=accepted, source=source, on_progress=show)
    for file in pulled:
        trust = "recorded at first use: no published hash to compare with" if file.first_use else "checked"
        say(f"{file.model}/{file.path}  SHA-256 {file.sha256} ({trust})")
    say(f"{model} is installed")


@app.command("convert")
def convert(
    source: Annotated[Path, typer.Argument(help="An XTTS-v2 checkpoint: model.pth, best_model.pth, .safetensors.")],
    target: Annotated[Path, typer.Argument(help="NAME.safetensors, or NAME.pth for coqui-tts.")],
    config: Annotated[Path | None, typer.Option("--config", help="Its config.json; else the one beside it.")] = None,
) -> None:
    """Write an XTTS-v2 checkpoint anew: as safetensors, or back into the form that coqui-tts reads."""
    from locutor.engines.xtts.convert import to_safetensors, to_upstream

    write = to_upstream if target.suffix == ".pth" else to_safetensors
    write(source, config or source.with_name("config.json"), target)
    say(f"{target} was written; {source} is as it was")


@app.command("remove")
def remove(model: _Model) -> None:
    """Delete a model's files."""
    _store().remove(model)
    say(f"{model} was removed")


def _agreed_before(card: "ModelCard") -> bool:
    """coqui-tts' own variable for accepting the licence of its models."""
    if card.licence != COQUI_LICENCE or os.environ.get(COQUI_AGREED) != "1":
        return False
    say(f"{card.id}: {card.licence}, NO COMMERCIAL USE {card.licence_url or ''}; accepted by {COQUI_AGREED}=1")
    return True


def _ask(store: "CheckpointStore", card: "ModelCard") -> bool:
    """Show the licences, and ask where somebody can answer; elsewhere the flag is needed."""
    if card.bundled:
        return False
    for each in (card, *(store.card(required) for required in card.requires)):
        use = "commercial use allowed" if each.commercial_use else "NO COMMERCIAL USE"
        say(f"{each.id}: {each.licence}, {use} {each.licence_url or ''}".rstrip())
    if not sys.stdin.isatty():
        return False
    if not typer.confirm("Do you accept?", err=True):
        raise OptionError(f"the licence of {card.id} was not accepted; nothing was downloaded")
    return True


def _yes(value: bool) -> str:
    return "yes" if value else "no"
