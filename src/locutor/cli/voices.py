"""`locutor voices`: whom Locutor can speak as."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import console, say, table
from locutor.cli.edge import FAILED, told
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.bootstrap import Stores
    from locutor.voices.record import VoiceRecord

app = typer.Typer(help="List, add, move and remove voices.", no_args_is_help=True)

_Voice = Annotated[str, typer.Argument(help="Id or name of a voice of the library.")]


@contextmanager
def _stores() -> "Iterator[Stores]":
    from locutor.bootstrap import open_stores
    from locutor.settings import load_settings

    stores = open_stores(load_settings())
    try:
        yield stores
    finally:
        stores.close()


@app.command("list")
def list_voices() -> None:
    """The preset voices, your own, and those that models bring along."""
    grid = table("Voices", "id", "name", "kind", "language", "transcript", "licence", "model")
    with _stores() as stores:
        for voice in stores.voices.list():
            transcript = "yes" if voice.ref_text else "no"
            terms = voice.licence or "-", voice.model or "any"
            grid.add_row(voice.id, voice.name, voice.kind, voice.language or "-", transcript, *terms)
    console().print(grid)


@app.command("add")
def add_voice(  # typer reads the options off the signature
    name: Annotated[str, typer.Argument(help="How to call it.")],
    clips: Annotated[list[Path], typer.Argument(help="Recordings of it, each at most 60 s, together at least 3 s.")],
    transcript: Annotated[
        list[str] | None, typer.Option(help="What is said in a recording; once for each, in order.")
    ] = None,
    transcribe: Annotated[bool, typer.Option("--transcribe", help="Have Whisper write it down.")] = False,
    language: Annotated[str | None, typer.Option(help="Of the recordings: en, pt-BR, ...")] = None,
    description: Annotated[str, typer.Option(help="For whoever chooses a voice.")] = "",
    licence: Annotated[str | None, typer.Option(help="Terms of use.")] = None,
    permission: Annotated[
        str | None, typer.Option(help="Why it may be used: own, granted, synthetic or licensed.")
    ] = None,
    given_by: Annotated[str, typer.Option(help="Who says so.")] = "the command line",
) -> None:
    """Examine recordings and make a voice of them."""
    from locutor.text.languages import parse_language
    from locutor.voices.library import NewClip
    from locutor.voices.record import Consent

    texts = transcript or []
    if texts and len(texts) != len(clips):
        raise OptionError(f"there are {len(clips)} recordings and {len(texts)} transcripts; give one for each or none")
    new = [NewClip(audio=path, transcript=texts[i] if texts else None) for i, path in enumerate(clips)]
    consent = Consent(permission=permission, given_by=given_by, confirmed_at=time.time()) if permission else None
    with _stores() as stores:
        record = stores.voices.add(
            new, name=name, description=description, language=language and parse_language(language), licence=licence,
            consent=consent, transcribe=transcribe,
        )  # fmt: skip
    _show(record)


@app.command("show")
def show_voice(voice: _Voice) -> None:
    """What is known of a voice, and what the doctor measured."""
    with _stores() as stores:
        _show(stores.voices.record(voice))


@app.command("blend")
def blend_voices(
    name: Annotated[str, typer.Argument(help="How to call the mixture.")],
    parts: Annotated[list[str], typer.Argument(help="2 to 5 voices with weights, such as Ana=0.7 Rui=0.3.")],
) -> None:
    """Mix recorded voices into a new one."""
    with _stores() as stores:
        _show(stores.voices.blend([_part(part) for part in parts], name=name))


@app.command("remove")
def remove_voice(voice: _Voice, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Delete a voice with its recordings."""
    with _stores() as stores:
        record = stores.voices.record(voice)
        if not yes and not typer.confirm(f"Delete the voice {record.name!r} and its {len(record.clips)} recordings?"):
            say(f"kept {record.name}")
            raise typer.Exit(FAILED)
        stores.voices.remove(record.id)
    say(f"removed {record.name}")


@app.command("export")
def export_voice(
    voice: _Voice, output: Annotated[Path, typer.Option("-o", "--output", help="The bundle to write.")]
) -> None:
    """Write a voice to a file that `locutor voices import` reads."""
    from locutor.audio.files import replacing
    from locutor.voices.bundle import write_bundle

    with _stores() as stores, replacing(output) as file:
        record = write_bundle(stores.voices, voice, file)
    say(f"wrote {record.name} to {output}")


@app.command("import")
def import_voice(
    bundle: Annotated[
        Path, typer.Argument(help="A file that `locutor voices export` wrote.", exists=True, dir_okay=False)
    ],
    name: Annotated[str | None, typer.Option(help="Another name than the bundle's.")] = None,
) -> None:
    """Add the voice of a bundle."""
    from locutor.voices.bundle import read_bundle

    with _stores() as stores:
        _show(read_bundle(stores.voices, bundle, name))


def _part(text: str) -> tuple[str, float]:
    voice, _, weight = text.rpartition("=")
    try:
        return voice, float(weight)
    except ValueError as error:
        raise OptionError(f"write a part as VOICE=WEIGHT, such as Ana=0.7, not {text!r}") from error


def _show(record: "VoiceRecord") -> None:
    grid = table(record.name, "", "")
    lines: dict[str, object] = {"id": record.id, "language": record.language, "licence": record.licence}
    lines |= {"description": record.description, "transcript": record.ref_text, "recordings": len(record.clips) or None}
    if record.consent is not None:
        lines["permission"] = f"{record.consent.permission}, says {record.consent.given_by}"
    if record.report is not None:
        lines |= {
            name.replace("_", " "): _rounded(value) for name, value in record.report.items() if name != "warnings"
        }
    for part in record.blend:
        lines[f"part {part['voice']}"] = f"{part['weight']:.0%}"
    for name, value in lines.items():
        if value not in (None, ""):
            grid.add_row(name, str(value))
    console().print(grid)
    for warning in record.warnings:
        say(f"note: {told(warning)}")


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
