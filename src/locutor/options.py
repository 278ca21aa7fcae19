"""The options of one synthesis: names, defaults, ranges and what each does, defined once.

The command line and the REST API make their flags and parameters of these. Imports nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from locutor.errors import OptionError


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise OptionError unless low <= value <= high (NaN fails)."""
    if not low <= value <= high:
        raise OptionError(f"{name} must be between {low:g} and {high:g}, not {value:g}")


@dataclass(frozen=True)
class Described:
    """What users are told of an option: what it does, and the least and the greatest value it may have."""

    help: str
    low: float | None = None
    high: float | None = None


def _option(default: Any, help: str, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={Described: Described(help, low, high)})


@dataclass(frozen=True, kw_only=True)
class SynthesisOptions:
    """How to speak; None leaves the choice to the engine's own default.

    nfe_step, cfg_strength and sway_sampling_coef are of models that solve a flow (F5, the built-in one), temperature to
    retries of models that draw audio codes (XTTS); an engine refuses what it has no use for.
    seed: one seed gives the same result on one device; None draws one.
    """

    nfe_step: int | None = _option(None, "Steps of the solver", 1, 128)
    cfg_strength: float | None = _option(None, "How closely to follow text and voice", 0, 10)
    sway_sampling_coef: float | None = _option(None, "Bend of the time grid, towards the noise below 0", -1, 1)
    temperature: float | None = _option(None, "How freely audio codes are drawn; 0 takes the likeliest", 0, 2)
    top_k: int | None = _option(None, "Draw from so many of the likeliest codes; 0 from all", 0, 1000)
    top_p: float | None = _option(None, "Draw from the likeliest codes with this much probability together", 0.01, 1)
    repetition_penalty: float | None = _option(None, "How much codes are avoided that were spoken already", 1, 20)
    length_penalty: float | None = _option(None, "How far past its expected length speech may run", 0.1, 10)
    retries: int | None = _option(None, "How often a chunk that did not end well is spoken again", 0, 10)
    speed: float = _option(1.0, "Pace; half as fast at 0.5, twice at 2", 0.5, 2)
    fix_duration_s: float | None = _option(None, "Length of the speech in seconds, instead of an estimate", 0.1, 3600)
    remove_silence: bool = _option(False, "Shorten long pauses")
    seed: int | None = _option(None, "Makes the result repeatable", 0, 2**63 - 1)
    cross_fade_s: float = _option(0.15, "Seconds by which chunks of a long text overlap", 0, 1)
    target_rms: float | None = _option(None, "Level to which a quiet reference is raised", 0.001, 1)
    loudness_lufs: float | None = _option(None, "Loudness of the result in LUFS", -40, -5)

    def __post_init__(self) -> None:
        for name, described in described_options().items():
            value = getattr(self, name)
            if value is not None and described.low is not None and described.high is not None:
                check_range(name, value, described.low, described.high)


@cache
def described_options() -> Mapping[str, Described]:
    """The options of SynthesisOptions, in order."""
    return {option.name: option.metadata[Described] for option in fields(SynthesisOptions)}
