"""What commands that speak are told of how: a flag for every option, made from their one definition, and a profile."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, get_args, get_type_hints

import typer

from locutor.options import Described, SynthesisOptions, described_options

if TYPE_CHECKING:
    from locutor.settings import Settings
    from locutor.voices.store import Voice

PANEL = "How to speak"
SHORTER = {"fix_duration_s": "--fix-duration", "cross_fade_s": "--cross-fade"}
SHOWN_UP_TO = 1e6  # a greater limit tells nobody anything

_C = TypeVar("_C", bound=Callable[..., None])

Profile: TypeAlias = Annotated[
    str | None,
    typer.Option(help="A quality profile: its id, or fast, balanced, ...; plain for none; else the default one."),
]


def takes_options(command: _C) -> _C:
    """A command's **options become flags, one for each of SynthesisOptions; those that were not given are None.

    An option that the command has as a parameter of its own stays that.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    kinds, named = get_type_hints(SynthesisOptions), {p.name for p in own}
    flags = [_flag(name, kinds[name], described) for name, described in described_options().items()
             if name not in named]  # fmt: skip
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    return command


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given; raises OptionError for a wrong one, before anything is opened."""
    given = {name: value for name, value in options.items() if value is not None}
    SynthesisOptions(**given)
    return given


def options_of(settings: "Settings", profile: str | None, given: Mapping[str, Any]) -> SynthesisOptions:
    """What was given and, where nothing was, what the profile sets: the default one of the model's engine without a
    name. Raises NotFoundError for an unknown profile, OptionError for one of another engine."""
    from locutor.bootstrap import checkpoint_store, default_profile, open_stores
    from locutor.orders import choose_profile

    engine = checkpoint_store(settings).card(settings.model).engine
    if profile is None:
        return default_profile(settings, engine).options(given)
    stores = open_stores(settings)
    try:
        return choose_profile(stores, profile, engine).options(given)
    finally:
        stores.close()


def voice_of(settings: "Settings") -> "Voice":
    """The voice of the settings. Raises NotFoundError, OptionError for a speaker of another model than theirs."""
    from locutor.bootstrap import checkpoint_store, find_voice

    found, card = find_voice(settings, settings.voice), checkpoint_store(settings).card(settings.model)
    found.check_model(card.id, card.requires)
    return found


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
