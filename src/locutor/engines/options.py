"""Options that an engine has no use for are refused, not ignored."""

from collections.abc import Iterable

from locutor.errors import OptionError
from locutor.options import SynthesisOptions, described_options


def refuse_options(options: SynthesisOptions, unused: Iterable[str]) -> None:
    """Raises OptionError when one of the options named in `unused` was set."""
    refused = list(unused)
    given = [name for name in refused if getattr(options, name) is not None]
    if given:
        taken = [name for name in described_options() if name not in refused]
        raise OptionError(f"this model has no option {', '.join(given)}; it has {', '.join(taken)}")
