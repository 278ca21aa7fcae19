"""What a quality profile is: values for some of the synthesis options of one engine."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from locutor.errors import OptionError
from locutor.types import SynthesisOptions

_FLOW = ("nfe_step", "cfg_strength", "sway_sampling_coef", "speed", "cross_fade_s", "remove_silence", "loudness_lufs")
_CODES = (
    "temperature", "top_k", "top_p", "repetition_penalty", "length_penalty", "retries", "speed", "cross_fade_s",
    "remove_silence", "loudness_lufs",
)  # fmt: skip
PARAMETERS: dict[str, tuple[str, ...]] = {"builtin": _FLOW, "f5": (*_FLOW, "target_rms"), "xtts": _CODES}
"""Which options a profile of each engine may set; a profile of another engine may set any but the seed."""
_OF_A_REQUEST = ("seed", "fix_duration_s")


@dataclass(frozen=True, kw_only=True)
class QualityProfile:
    """parameters: names and values of SynthesisOptions; what is not named keeps its default. Built-in ones never
    change; times are Unix times in seconds, 0 for built-in ones."""

    id: str
    engine: str
    name: str
    description: str = ""
    parameters: Mapping[str, Any]
    is_builtin: bool = False
    is_default: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0

    def options(self, own: Mapping[str, Any] | None = None) -> SynthesisOptions:
        """The profile's options; `own` are the request's and win, but for None. Raises OptionError for an unknown
        name, a wrong type or range."""
        given = {name: value for name, value in (own or {}).items() if value is not None}
        known = [field.name for field in fields(SynthesisOptions)]
        for name, value in given.items():
            if name not in known:
                raise OptionError(f"there is no option {name!r}; options are {', '.join(known)}")
            _check_type(name, value)
        return SynthesisOptions(**dict(self.parameters) | given)


def allowed_parameters(engine: str) -> tuple[str, ...]:
    """Names that a profile of the engine may set."""
    every = tuple(field.name for field in fields(SynthesisOptions) if field.name not in _OF_A_REQUEST)
    return PARAMETERS.get(engine, every)


def check_parameters(engine: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, if each is known to the engine, of the right type and within its range; raises OptionError."""
    allowed = allowed_parameters(engine)
    for name, value in parameters.items():
        if name not in allowed:
            raise OptionError(f"a profile of engine {engine!r} cannot set {name!r}; it sets {', '.join(allowed)}")
        _check_type(name, value)
    SynthesisOptions(**parameters)
    return dict(parameters)


def _check_type(name: str, value: Any) -> None:
    declared = get_type_hints(SynthesisOptions)[name]
    kinds = get_args(declared) or (declared,)
    wanted = (*kinds, int) if float in kinds else kinds
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise OptionError(f"{name} must be {names}, not {value!r}")
