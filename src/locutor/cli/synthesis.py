"""A flag for every option of a synthesis, made from their one definition."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer

from locutor.options import Described, SynthesisOptions, described_options

PANEL = "How to speak"
SHORTER = {"fix_duration_s": "--fix-duration", "cross_fade_s": "--cross-fade"}
SHOWN_UP_TO = 1e6  # a greater limit tells nobody anything

_C = TypeVar("_C", bound=Callable[..., None])


def takes_options(command: _C) -> _C:
    """A command's **options become flags, one for each of SynthesisOptions; those that were not given are None."""
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    kinds = get_type_hints(SynthesisOptions)
    flags = [_flag(name, kinds[name], described) for name, described in described_options().items()]
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    return command


def flag_of(option: str) -> str:
    """How an option is written on the command line."""
    return SHORTER.get(option, f"--{option.replace('_', '-')}")


def _flag(name: str, kind: Any, described: Described) -> inspect.Parameter:
    flag = flag_of(name)
    if kind is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    value = next(k for k in (*get_args(kind), kind) if k is not type(None))
    option = typer.Option(flag, help=_help(described), rich_help_panel=PANEL, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[value | None, option]
    )


def _help(described: Described) -> str:
    low, high = described.low, described.high
    if low is None or high is None or high > SHOWN_UP_TO:
        return f"{described.help}."
    return f"{described.help} ({low:g} to {high:g})."
