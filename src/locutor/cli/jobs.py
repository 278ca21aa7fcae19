"""`locutor jobs`: what was asked for, and what became of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import console, say, table
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.jobs.store import JobStore

app = typer.Typer(help="List, show, cancel and retry jobs.", no_args_is_help=True)

_Job = Annotated[str, typer.Argument(help="Id of a job of `locutor jobs list`.")]


@contextmanager
def _jobs() -> "Iterator[JobStore]":
    from locutor.bootstrap import open_stores
    from locutor.settings import load_settings

    stores = open_stores(load_settings())
    try:
        yield stores.jobs
    finally:
        stores.close()


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    status: Annotated[str | None, typer.Option(help="queued, processing, completed, failed or cancelled.")] = None,
) -> None:
    """The newest jobs."""
    from locutor.jobs.model import JobStatus

    if status is not None and status not in list(JobStatus):
        raise OptionError(f"status must be one of {', '.join(JobStatus)}, not {status!r}")
    grid = table("Jobs", "id", "kind", "status", "progress", "created", "message")
    with _jobs() as jobs:
        for job in jobs.list(limit=limit, status=JobStatus(status) if status else None):
            grid.add_row(
                job.id, job.kind, job.status, f"{job.progress:.0f} %", _time(job.created_at), job.error or job.message
            )
    console().print(grid)


@app.command("show")
def show_job(job: _Job) -> None:
    """Everything about a job, as JSON: what was asked, the result, the recipe to make it again."""
    from dataclasses import asdict

    with _jobs() as jobs:
        found = jobs.get(job)
    console().print_json(json.dumps(asdict(found), ensure_ascii=False))


@app.command("cancel")
def cancel_job(job: _Job) -> None:
    """Stop a job that waits or runs."""
    with _jobs() as jobs:
        status = jobs.cancel(job).status
    say(f"{job} is cancelled" if status == "cancelled" else f"{job} is being cancelled")


@app.command("retry")
def retry_job(job: _Job) -> None:
    """Queue a failed or cancelled job again; a running server takes it up."""
    with _jobs() as jobs:
        jobs.retry(job)
    say(f"{job} is queued again")


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s).strftime("%Y-%m-%d %H:%M:%S")
