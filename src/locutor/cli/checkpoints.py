"""`locutor checkpoints`: the models that training has saved: which is best, and how to use it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from locutor.cli.console import console, progress, table
from locutor.cli.console import say as remark
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.runs.catalog import SavedModel
    from locutor.settings import Settings
    from locutor.voices.store import Voice

app = typer.Typer(help="List, compare and promote what training has saved.", no_args_is_help=True)

_Model = Annotated[str, typer.Argument(help="A checkpoint of `locutor checkpoints list`, RUN/NAME.")]
_Others = Annotated[Path | None, typer.Option(help="A folder of recordings of other people, for the margin.")]
_NTexts = Annotated[int, typer.Option(help="Held-out texts to speak.")]
_Seed = Annotated[int, typer.Option(help="Of the speech.")]
_Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]


@app.command("list")
def list_checkpoints(run: Annotated[str | None, typer.Argument(help="Only of this run.")] = None) -> None:
    """Saved models, the newest first."""
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    grid = table("Checkpoints", "id", "epoch", "update", "held-out loss", "saved", "MB", "stands for")
    for model in run_catalog(load_settings()).models(run):
        facts = model.facts
        loss = f"{facts.held_out['loss']:.4f}" if facts and "loss" in facts.held_out else "-"
        saved = datetime.fromtimestamp(model.created_at).strftime("%Y-%m-%d %H:%M:%S")
        epoch, step = _text(model.epoch), _text(facts.step if facts else None)
        grid.add_row(model.id, epoch, step, loss, saved, f"{model.n_bytes / 1e6:.1f}", ", ".join(model.links) or "-")
    console().print(grid)


@app.command("info")
def info(model: _Model) -> None:
    """What a saved model is, and what was measured of it."""
    from locutor.runs.judge import kept
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    catalog = run_catalog(load_settings())
    found, checkpoint = catalog.model(model), catalog.open(model)
    lines: dict[str, Any] = {"id": found.id, "title": checkpoint.card.title, "licence": checkpoint.card.licence}
    lines |= {"sha256": checkpoint.sha256} | {f"file {role}": path for role, path in checkpoint.files.items()}
    if found.facts is not None:
        lines |= {k: v for k, v in vars(found.facts).items() if k not in ("name", "created_at")}
        lines |= kept(found.path) or {}
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
    from locutor.runs import judge
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    settings = load_settings(device=device)
    catalog = run_catalog(settings)
    models = [m for m in reversed(catalog.models(run)) if m.facts is not None]
    measure = _measurer(settings, run, others, n_texts, seed)
    base = catalog.get(run).path / "base"
    places = [(f"{run}/base", base)] + [(m.id, m.path) for m in models]
    judged: dict[str, dict[str, float]] = {}
    for model_id, place in places:
        place.mkdir(exist_ok=True)
        found = None if again else judge.kept(place)
        judged[model_id] = found or measure(model_id)
        judge.keep(place, judged[model_id])
    _show(judged, {m.id: m for m in models})
    name, why = judge.best_of({k: v for k, v in judged.items() if k != f"{run}/base"})
    typer.echo(f"best: {name}, {why}")


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


def _measurer(
    settings: "Settings", run: str, others: Path | None, n_texts: int, seed: int
) -> Callable[[str], dict[str, float]]:
    from locutor.cli.evaluate import load_listeners, recordings
    from locutor.runs.judge import figures
    from locutor.runs.open import judge, run_catalog

    voices: list[Voice] = recordings(others) if others else []
    judging = judge(settings, run, load_listeners(), voices, n_texts, seed)
    catalog = run_catalog(settings)

    def measure(model_id: str) -> dict[str, float]:
        with progress(model_id) as show:
            n = iter(range(1, n_texts + 1))
            return figures(judging.judge(catalog.open(model_id), lambda r: show(r.item.name, next(n), n_texts)))

    return measure


def _show(judged: dict[str, dict[str, float]], models: "dict[str, SavedModel]") -> None:
    grid = table("Measured", "id", "WER", "CER", "SIM", "margin", "MOS", "held-out loss")
    for name, values in judged.items():
        model = models.get(name)
        loss = model.facts.held_out.get("loss") if model and model.facts else None
        shown = [f"{values[k]:.1%}" for k in ("wer", "cer")]
        shown += [f"{values[k]:.3f}" if k in values else "-" for k in ("sim", "margin", "mos")]
        grid.add_row(name, *shown, "-" if loss is None else f"{loss:.4f}")
    console().print(grid)


def _text(value: object) -> str:
    return "-" if value is None else str(value)
