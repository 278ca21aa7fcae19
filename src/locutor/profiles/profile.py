"""What a quality profile is: values for some of the synthesis options of one engine."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from locutor.errors import OptionError
from locutor.types import SynthesisOptions

_FLOW = ("nfe_step", "cfg_strength", "sway_sampling_coef", "speed", "cross_fade_s", "remove_silence", "loudness_lufs")
PARAMETERS: dict[str, tuple[str, ...]] = {"builtin": _FLOW, "f5": (*_FLOW, "target_rms")}
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

    def options(self, **own: Any) -> SynthesisOptions:
        """The profile's options; `own` are the request's, None where it leaves the choice to the profile."""
        return SynthesisOptions(**dict(self.parameters) | {k: v for k, v in own.items() if v is not None})


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
    [declared] = [str(field.type) for field in fields(SynthesisOptions) if field.name == name]
    kinds = {"bool": bool, "int": int, "float": (int, float), "None": type(None)}
    wanted = [part.strip() for part in declared.replace("<class '", "").replace("'>", "").split("|")]
    if isinstance(value, bool) and "bool" not in wanted:
        raise OptionError(f"{name} must be of type {declared}, not {value!r}")
    if not any(isinstance(value, kinds[part]) for part in wanted):  # type: ignore[arg-type]
        raise OptionError(f"{name} must be of type {declared}, not {value!r}")
