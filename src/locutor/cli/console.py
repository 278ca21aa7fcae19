"""Where the command line writes: results on stdout, everything said about them on stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


UNBROKEN = 10_000  # columns


def console(stderr: bool = False) -> "Console":
    """A fresh console, so that a redirected stream is seen. Brackets are what they are: names and texts are users'.

    Away from a terminal lines are as long as they need to be, for whatever reads them.
    """
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = UNBROKEN
    return made


def say(message: str) -> None:
    """A remark on stderr."""
    print(message, file=sys.stderr)  # noqa: T201


def table(title: str, *columns: str) -> "Table":
    """An empty table in the house's look. The first column, by which rows are called, is never broken."""
    from rich.table import Table

    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        grid.add_column(column, overflow="fold", no_wrap=i == 0)
    return grid


@contextmanager
def progress(label: str, unit_bytes: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on stderr, shown only to a terminal; call it with (label, done, total or None)."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    count = DownloadColumn() if unit_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), count, TimeRemainingColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
