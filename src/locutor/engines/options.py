"""Options that an engine has no use for are refused, not ignored."""

from collections.abc import Iterable

from locutor.errors import OptionError
from locutor.types import SynthesisOptions


def refuse_options(options: SynthesisOptions, unused: Iterable[str]) -> None:
    """Raises OptionError when one of the options named in `unused` was set."""
    given = [name for name in unused if getattr(options, name) is not None]
    if given:
        raise OptionError(f"this model has no option {', '.join(given)}; leave that out or choose another model")
