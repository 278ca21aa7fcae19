"""`locutor train`: teach a model a voice, in a process of its own that goes on when this command ends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import console, progress, table
from locutor.cli.console import say as remark
from locutor.errors import EngineError, OptionError

if TYPE_CHECKING:
    from locutor.jobs.model import Job
    from locutor.local_service import LocalService
    from locutor.runs.supervise import RunTasks
    from locutor.settings import Settings
    from locutor.training.run_folder import RunStatus

app = typer.Typer(help="Teach a model a voice.", no_args_is_help=True)

_Run = Annotated[str, typer.Argument(help="A run of `locutor train list`.")]
_Detach = Annotated[bool, typer.Option("--detach", help="Return at once instead of showing progress.")]
_POLL_S = 0.5


@app.command("start")
def start(
    model_name: Annotated[str, typer.Argument(help="Name of the run and of the models it saves.")],
    dataset: Annotated[str, typer.Option(help="A dataset of `locutor dataset stats`, or the folder of one.")],
    base: Annotated[str | None, typer.Option(help="The model to go on from.")] = None,
    lora: Annotated[bool, typer.Option("--lora", help="Train a small adapter instead of every weight.")] = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the clips; 100, and 500 with XTTS-v2.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Clips a batch; 4, and 8 with --lora.")] = None,
    accumulation: Annotated[int | None, typer.Option(help="Batches an update.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Else what suits the engine and method.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")] = None,
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile the network first; for long runs on CUDA.")
    ] = False,
    record: Annotated[bool, typer.Option(help="Replay recorded steps, on CUDA where the engine can.")] = True,
    rank: Annotated[int | None, typer.Option(help="Of the adapter.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Of the adapter; alpha / rank scales it.")] = None,
    max_train_samples: Annotated[int | None, typer.Option(help="Use at most so many clips.")] = None,
    patience: Annotated[int | None, typer.Option(help="End after so many epochs without a better loss.")] = None,
    save_per_updates: Annotated[int | None, typer.Option(help="Also save a model every so many updates.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Updates between states that can be resumed.")] = None,
    log_every: Annotated[int | None, typer.Option(help="Updates between log lines.")] = None,
    keep_last: Annotated[int | None, typer.Option(help="Models to keep besides the best.")] = None,
    sample_text: Annotated[str | None, typer.Option(help="What the samples say.")] = None,
    evaluate: Annotated[bool, typer.Option(help="Measure what every saved model sounds like.")] = True,
    evaluated_texts: Annotated[int | None, typer.Option(help="Held-out texts that it is measured on.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the recordings, else that of the dataset.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    detach: _Detach = False,
) -> None:
    """Start a run. It goes on when this command is stopped with Ctrl-C, and when the machine's service restarts."""
    from locutor.bootstrap import checkpoint_store
    from locutor.runs.open import config_of_folder, run_config
    from locutor.settings import load_settings

    _refuse_adapter_options(lora, {"--rank": rank, "--alpha": alpha})
    settings = load_settings(device=device)
    service = _service(settings, device)
    values = {
        "model_name": model_name, "dataset": dataset, "base": base, "method": "lora" if lora else None,
        "epochs": epochs, "batch_size": batch_size, "accumulation": accumulation, "learning_rate": learning_rate,
        "precision": precision, "compile": compile, "record": record, "rank": rank, "alpha": alpha,
        "max_train_samples": max_train_samples,
        "patience": patience, "save_per_updates": save_per_updates, "save_every": save_every, "log_every": log_every,
        "keep_last": keep_last, "sample_text": sample_text, "evaluate": evaluate, "evaluated_texts": evaluated_texts,
        "language": lang, "seed": seed,
    }  # fmt: skip
    is_folder = Path(dataset).is_dir()
    config = config_of_folder(Path(dataset), values) if is_folder else run_config(settings, values)
    checkpoint_store(settings).locate(config.base)  # before there is a run by that name
    with _tasks(settings) as tasks:
        tasks.start(config)
        _work_on(service, tasks, model_name, detach)


@app.command("resume")
def resume(run: _Run, detach: _Detach = False) -> None:
    """Go on with a run that was stopped or failed, exactly where it was saved last."""
    from locutor.settings import load_settings

    settings = load_settings()
    service = _service(settings)
    with _tasks(settings) as tasks:
        tasks.resume(run)
        _work_on(service, tasks, run, detach)


@app.command("stop")
def stop(run: _Run) -> None:
    """Stop a run within seconds, with its state saved."""
    from locutor.settings import load_settings

    with _tasks(load_settings()) as tasks:
        _await_end(tasks, run, tasks.stop(run))
        remark(f"{run} is stopped; go on with: locutor train resume {run}")


@app.command("status")
def status(run: _Run, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Where a run stands."""
    from locutor.runs.open import run_catalog
    from locutor.runs.supervise import shown
    from locutor.settings import load_settings

    values = shown(run_catalog(load_settings()).get(run).status())
    if as_json:
        typer.echo(json.dumps(values))
        return
    for name, value in values.items():
        if value not in (None, ""):
            typer.echo(f"{name:14} {value}")


@app.command("logs")
def logs(run: _Run, tail: Annotated[int, typer.Option(help="Last lines to show.")] = 50) -> None:
    """What a run has measured, a JSON object a line."""
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    for row in run_catalog(load_settings()).get(run).log()[-tail:]:
        typer.echo(json.dumps(row))


@app.command("list")
def list_runs() -> None:
    """Every run, and where it stands."""
    from locutor.runs.open import run_catalog
    from locutor.settings import load_settings

    grid = table("Training runs", "run", "base", "method", "state", "epoch", "loss", "message")
    for folder in run_catalog(load_settings()).list():
        config, now = folder.config(), folder.status()
        loss = "-" if now.loss is None else f"{now.loss:.4f}"
        epoch = f"{now.epoch} of {now.total_epochs or config.epochs or '?'}"
        grid.add_row(folder.path.name, config.base, config.method, now.state, epoch, loss, now.error or now.message)
    console().print(grid)


@app.command("work", hidden=True)
def work(
    run: _Run,
    supervised: Annotated[
        bool, typer.Option("--supervised", help="Another process starts and stops this one.")
    ] = False,
) -> None:
    """Do a run's work in this process; what `start` and the service call."""
    from locutor.runs.open import teaching
    from locutor.settings import load_settings

    found = teaching(load_settings(), run)
    found.stop_on_signals()
    found.run(supervised)


@app.command("supervise", hidden=True)
def supervise() -> None:
    """Work on queued runs until none is left; what `start` leaves behind where no service runs."""
    from locutor.bootstrap import job_runner, open_stores
    from locutor.jobs.kinds import JobKinds
    from locutor.runs.open import run_tasks
    from locutor.runs.supervise import LANE
    from locutor.settings import load_settings

    settings = load_settings()
    stores = open_stores(settings)
    runner = job_runner(stores, JobKinds(run_tasks(settings, stores).kind()))
    try:
        runner.start()
        while runner.has_work(LANE):
            time.sleep(_POLL_S)
    finally:
        runner.stop()
        stores.close()


@contextmanager
def _tasks(settings: "Settings") -> Iterator["RunTasks"]:
    from locutor.bootstrap import open_stores
    from locutor.runs.open import run_tasks

    stores = open_stores(settings)
    try:
        stores.jobs.recover(stores.owner.is_alive)  # a job of a killed process would only seem to be under way
        yield run_tasks(settings, stores)
    finally:
        stores.close()


def _refuse_adapter_options(lora: bool, options: Mapping[str, float | None]) -> None:
    for name, value in options.items():
        if value is not None and not lora:
            raise OptionError(f"{name} belongs to an adapter; add --lora, or leave it out")


def _service(settings: "Settings", device: str | None = None) -> "LocalService | None":
    """Who works on runs here, None where a process of their own does. Raises OptionError for a device that cannot be
    had there, before anything is queued."""
    from locutor.cli.service import live_service
    from locutor.engines.device import chosen_name

    service = live_service(settings.data_dir)
    if service is None:
        chosen_name(settings.devices[0])
    elif device is not None:
        raise OptionError("--device belongs to the service that runs here; set it for the service, or stop it first")
    return service


def _await_end(tasks: "RunTasks", run: str, job: "Job | None") -> None:
    """Wait until a run that was asked to stop is over, and nobody is about to begin it."""
    from locutor.runs.supervise import SAVE_S, STOP_S

    limit_s, begun, folder = SAVE_S + STOP_S, time.monotonic(), tasks.catalog.get(run)
    with progress("stopping") as show:
        while tasks.is_ending(run, job):
            if time.monotonic() - begun > limit_s:
                raise EngineError(f"run {run!r} has not ended after {limit_s:g} s")
            show("saving" if folder.last_word().saving else "stopping", 0, None)
            time.sleep(0.1)


def _work_on(service: "LocalService | None", tasks: "RunTasks", run: str, detach: bool) -> None:
    """Leave the run to the service of this machine, or to a process of its own where none runs."""
    if service is None:
        command = [sys.executable, "-m", "locutor.cli.main", "train", "supervise"]
        quiet = subprocess.DEVNULL
        environ = {**os.environ, **tasks.environ}
        subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, env=environ)
    if detach:
        remark(f"{run} runs in the background; see: locutor train status {run}")
        return
    job, ended = _follow(tasks, run)
    if ended.state not in ("completed", "stopped") or job.error is not None:
        raise EngineError(ended.error or job.error or f"run {run!r} was cancelled while it was {ended.state}")
    remark(f"{run}: {ended.state}, {ended.message}; see: locutor checkpoints list {run}")


def _follow(tasks: "RunTasks", run: str) -> "tuple[Job, RunStatus]":
    """Show progress until the run is over: how its job and how it ended itself."""
    folder, told = tasks.catalog.get(run), ""
    with progress("training") as show:
        while True:
            job, now = tasks.job(run), folder.status()
            if now.message != told and not now.message.startswith(("update", "clip")):
                told = now.message
                remark(f"{run}: {told}")
            show(now.message, now.step, now.total_steps or None)
            if job is not None and job.status.is_final:
                return job, folder.status()
            time.sleep(_POLL_S)
