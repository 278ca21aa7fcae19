"""Where the command line writes: results on stdout, everything said about them on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console(stderr: bool = False) -> "Console":
    """A fresh console, so that a redirected stream is seen."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def say(message: str) -> None:
    """A remark on stderr."""
    print(message, file=sys.stderr)  # noqa: T201


def table(title: str, *columns: str) -> "Table":
    """An empty table in the house's look."""
    from rich.table import Table

    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    return grid


@contextmanager
def progress(label: str, unit_bytes: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on stderr, shown only to a terminal; call it with (label, done, total or None)."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    count = DownloadColumn() if unit_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
