"""`locutor checkpoints`: the models that training has saved: which is best, and how to use it."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from locutor.cli.console import console, progress, table
from locutor.cli.console import say as remark
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.runs.catalog import SavedModel
    from locutor.voices.store import Voice

app = typer.Typer(help="List, compare and promote what training has saved.", no_args_is_help=True)

_Model = Annotated[str, typer.Argument(help="A checkpoint of `locutor checkpoints list`, RUN/NAME.")]
_Others = Annotated[Path | None, typer.Option(help="A folder of recordings of other people, for the margin.")]
_NTexts = Annotated[int, typer.Option(help="Held-out texts to speak.")]
_Seed = Annotated[int, typer.Option(help="Of the speech.")]
_Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
_MEASURED = ("WER", "CER", "SIM", "margin", "MOS", "held-out loss")


@app.command("list")
def list_checkpoints(run: Annotated[str | None, typer.Argument(help="Only of this run.")] = None) -> None:
    """Saved models, the newest first, what was measured of them, and which is best of its run."""
    from locutor.runs.open import run_catalog
    from locutor.runs.verdict import measured, verdict_of
    from locutor.settings import load_settings

    found = run_catalog(load_settings()).models(run)
    judged = measured(found)
    figures = {model.id: judgement.figures for model, judgement in judged}
    grid = table("Checkpoints", "id", "epoch", "update", *_MEASURED, "saved", "MB", "stands for")
    for model in found:
        saved = datetime.fromtimestamp(model.created_at).strftime("%Y-%m-%d %H:%M:%S")
        epoch, step = _text(model.epoch), _text(model.facts.step if model.facts else None)
        links = ", ".join(model.links) or "-"
        shown = _measured(figures.get(model.id, {}), model)
        grid.add_row(model.id, epoch, step, *shown, saved, f"{model.n_bytes / 1e6:.1f}", links)
    console().print(grid)
    for name in dict.fromkeys(model.run for model in found):
        best = verdict_of([pair for pair in judged if pair[0].run == name])
        if best is not None:
            typer.echo(f"best: {name}/{best.name}, {best.why}")


@app.command("info")
def info(model: _Model) -> None:
    """What a saved model is, and what was measured of it."""
    from locutor.runs.open import run_catalog
    from locutor.runs.verdict import kept, verdict_on
    from locutor.settings import load_settings

    catalog = run_catalog(load_settings())
    found, checkpoint = catalog.model(model), catalog.open(model)
    lines: dict[str, Any] = {"id": found.id, "title": checkpoint.card.title, "licence": checkpoint.card.licence}
    lines |= {"sha256": checkpoint.sha256} | {f"file {role}": path for role, path in checkpoint.files.items()}
    if found.facts is not None:
        lines |= {k: v for k, v in vars(found.facts).items() if k not in ("name", "created_at")}
        judged = kept(found.path)
        lines |= judged.figures | {"measured on": f"{judged.n_texts} texts, seed {judged.seed}"} if judged else {}
        best = verdict_on(catalog.models(found.run))
        lines |= {"best of its run": best.why} if best and best.name == found.name else {}
    for name, value in lines.items():
        typer.echo(f"{name:15} {value}")


@app.command("compare")
def compare(
    run: Annotated[str, typer.Argument(help="A run of `locutor train list`.")],
    others: _Others = None,
    n_texts: _NTexts = 12,
    seed: _Seed = 0,
    device: _Device = None,
    again: Annotated[bool, typer.Option("--again", help="Measure again what was measured before.")] = False,
) -> None:
    """Let the base and every saved model speak the same held-out texts, measure, and say which is best and why."""
    from locutor.cli.evaluate import load_listeners, recordings
    from locutor.runs.open import appraiser, run_catalog
    from locutor.settings import load_settings

    settings = load_settings(device=device)
    voices: list[Voice] = recordings(others) if others else []
    measured = appraiser(settings, run, load_listeners, voices, n_texts, seed)
    for name in measured.names() if again else measured.pending():
        with progress(f"{run}/{name}") as show:
            measured.appraise(name, lambda done, total: show("listening", done, total))
    models = {model.name: model for model in run_catalog(settings).models(run)}
    grid = table("Measured", "id", *_MEASURED)
    for name in measured.names():
        grid.add_row(f"{run}/{name}", *_measured(measured.figures(name), models.get(name)))
    console().print(grid)
    if (best := measured.settle()) is not None:
        typer.echo(f"best: {run}/{best.name}, {best.why}")


@app.command("ab")
def ab(
    a: _Model,
    b: _Model,
    text: Annotated[str, typer.Argument(help="What both say.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for a.wav and b.wav.")] = Path("ab"),
    seed: _Seed = 0,
    device: _Device = None,
) -> None:
    """Two saved models (or RUN/base) say the same, and what was measured of it."""
    from locutor.audio import io
    from locutor.cli.evaluate import load_listeners
    from locutor.runs.ab import speak_both
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    settings = load_settings(device=device)
    pair = speak_both(settings, run_catalog(settings), (a, b), text, load_listeners(), seed)
    output.mkdir(parents=True, exist_ok=True)
    grid = table("A and B", "measure", "a", "b")
    for side, spoken in zip("ab", pair, strict=True):
        io.write(output / f"{side}.wav", spoken.waveform, "wav")
    for name in pair[0].figures:
        grid.add_row(name, *(f"{spoken.figures[name]:.3f}" for spoken in pair))
    console().print(grid)
    remark(f"{output}/a.wav is {a}, {output}/b.wav is {b}")


@app.command("promote")
def promote(model: _Model, name: Annotated[str, typer.Option("--as", help="Id of the model it becomes.")] = "") -> None:
    """Make a saved model one of the installation's, to be used as `--model NAME` at once."""
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    new_id = run_catalog(load_settings()).promote(model, name or model.partition("/")[0])
    remark(f"{model} is now model {new_id}; try: locutor say 'Hello.' --model {new_id}")


@app.command("prune")
def prune(
    run: Annotated[str, typer.Argument(help="A run of `locutor train list`.")],
    keep_last: Annotated[int, typer.Option(min=1, help="Newest models to keep, besides the best.")] = 1,
) -> None:
    """Delete old models of a run; the best and the last stay."""
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    removed = run_catalog(load_settings()).prune(run, keep_last)
    remark(f"removed {', '.join(removed) or 'nothing'}")


@app.command("export")
def export(
    model: _Model,
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    merge: Annotated[bool, typer.Option("--merge", help="Put an adapter's change into its base.")] = False,
) -> None:
    """Copy a saved model, card and all, for another machine; with --merge an adapter becomes a whole model."""
    from locutor.runs.export import export_model
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    if folder.exists():
        raise OptionError(f"{folder} exists already")
    export_model(run_catalog(load_settings()), model, folder, merge)
    remark(f"{model} is in {folder}")


def _measured(figures: dict[str, float], model: "SavedModel | None") -> list[str]:
    """As the columns of _MEASURED."""
    shown = [f"{figures[k]:.1%}" if k in figures else "-" for k in ("wer", "cer")]
    shown += [f"{figures[k]:.3f}" if k in figures else "-" for k in ("sim", "margin", "mos")]
    loss = model.facts.held_out.get("loss") if model and model.facts else None
    return [*shown, "-" if loss is None else f"{loss:.4f}"]


def _text(value: object) -> str:
    return "-" if value is None else str(value)
