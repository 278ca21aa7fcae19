"""Write the tables of options in docs/cli.md anew, from the commands themselves: `python docs/cli_tables.py`.

Each stands between `<!-- options of locutor say -->` and `<!-- end -->`; what is written around them stays.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from locutor.cli.main import app

PAGE = Path(__file__).with_name("cli.md")
SHELL_ONLY = ("--install-completion", "--show-completion")
MARKED = re.compile(r"(?<=<!-- options of )([a-z ]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def commands(command: Any = None, name: str = "locutor") -> Iterator[tuple[str, Any]]:
    """Every command with its full name, groups included."""
    command = command or typer.main.get_command(app)
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        if inner.hidden:
            continue
        yield from commands(inner, f"{name} {word}")


def table(command: Any) -> str:
    """Its arguments and options as a Markdown table; empty when it has none."""
    shown = [p for p in command.params if not set(p.opts) & set(SHELL_ONLY)]
    rows = [f"| {_spelling(p)} | {_default(p)} | {p.help} |\n" for p in shown]
    return "".join(["\n| option | default | meaning |\n|---|---|---|\n", *rows, "\n"]) if rows else ""


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.secondary_opts and parameter.default is not None:
        return f"`{parameter.opts[0] if parameter.default else parameter.secondary_opts[0]}`"
    return "" if parameter.default is False or parameter.default in (None, "") else f"`{parameter.default}`"


def rewritten(page: str) -> str:
    """The page with every table as it should be. Raises KeyError for a command that there is not."""
    known = dict(commands())
    return MARKED.sub(lambda match: match[1] + match[2] + table(known[match[1]]), page)


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
