"""An order for speech, as routes, commands and jobs write it down, and the call that it becomes."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from locutor.audio.formats import find_format
from locutor.bootstrap import Stores
from locutor.errors import OptionError
from locutor.profiles.profile import QualityProfile
from locutor.serving.backend import Part, SpeechCall, Spoken
from locutor.serving.script import cast, has_tags, parse_script
from locutor.text.languages import parse_language
from locutor.types import SpeechRequest
from locutor.voices.store import Voice

PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class SpeechOrder:
    """text: plain, or a script with tags such as [voice:NAME] and [pause:1.5s] (see locutor.serving.script).

    voice: id or name; a script whose every line names one may go without. model: None for the installation's own.
    profile: a quality profile's id, None for the default one of the model's engine. options: of SynthesisOptions, they
    win over the profile's. format: of the file that a job makes. ref_text: in place of the transcript of `voice`.
    client: what else the client said, kept with the job for it alone.
    """

    text: str
    language: str
    voice: str | None = None
    model: str | None = None
    profile: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    normalize: bool = True
    format: str = "wav"
    ref_text: str | None = None
    client: Mapping[str, Any] = field(default_factory=dict)

    def to_params(self) -> dict[str, Any]:
        """As the params of a job."""
        return asdict(self) | {"options": dict(self.options), "client": dict(self.client)}

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "SpeechOrder":
        """From the params of a job; OptionError names what it does not know."""
        unknown = params.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise OptionError(
                f"an order has no {', '.join(sorted(unknown))}; it has {', '.join(cls.__dataclass_fields__)}"
            )
        absent = [name for name in ("text", "language") if not isinstance(params.get(name), str)]
        if absent:
            raise OptionError(f"an order needs {' and '.join(absent)}")
        return cls(**params)


@dataclass(frozen=True)
class PlacedOrder:
    """An order made ready: every voice, the profile and the options exist and are valid."""

    call: SpeechCall
    profile: QualityProfile
    voices: tuple[str, ...]


def place(
    stores: Stores,
    order: SpeechOrder,
    default_model: str,
    *,
    early: bool = False,
    cancelled: threading.Event | None = None,
    timeout_s: float | None = None,
    voice: Voice | None = None,
) -> PlacedOrder:
    """Look everything up before anything is spoken. voice: speaks in place of the order's, which then names none.

    Raises NotFoundError for an unknown voice, model or profile, OptionError for a wrong option, language, format or
    tag, a profile of another engine or a speaker of another model, TextError for a script without text.
    """
    find_format(order.format)
    model = order.model or default_model
    card = stores.checkpoints.card(model)
    profile = choose_profile(stores, order.profile, card.engine)
    request = SpeechRequest(
        text=order.text,
        language=parse_language(order.language),
        options=profile.options(order.options),
        normalize=order.normalize,
    )
    parts = _parts(stores, order, request, voice)
    for part in parts:
        if isinstance(part, Spoken):
            part.voice.check_model(card.id, card.requires)
    call = SpeechCall(parts=parts, model=model, early=early, cancelled=cancelled, timeout_s=timeout_s)
    voices = tuple(dict.fromkeys(part.voice.id for part in parts if isinstance(part, Spoken)))
    return PlacedOrder(call, profile, voices)


def choose_profile(stores: Stores, profile: str | None, engine: str) -> QualityProfile:
    """The profile of that id, which must be the engine's, or of that name among the engine's (fast, balanced, ...);
    None stands for the engine's default, "plain" for no profile: the model's own defaults."""
    if profile is None:
        return stores.profiles.default(engine)
    if profile in (PLAIN, f"{engine}_{PLAIN}"):
        return QualityProfile(id=profile, engine=engine, name="Plain", parameters={}, is_builtin=True)
    for named in stores.profiles.list(engine):
        if profile.lower() in (named.name.lower(), named.name.lower().replace(" ", "_")):
            return named
    chosen = stores.profiles.get(profile)
    if chosen.engine != engine:
        raise OptionError(f"quality profile {profile!r} is for engine {chosen.engine!r}, the model's is {engine!r}")
    return chosen


def _parts(stores: Stores, order: SpeechOrder, request: SpeechRequest, own: Voice | None) -> list[Part]:
    if own is None and order.voice is not None:
        own = stores.voices.get(order.voice)
    if own is not None and order.ref_text:
        own = replace(own, ref_text=order.ref_text)
    if has_tags(order.text):
        return cast(parse_script(order.text), request, own, stores.voices.get)
    if own is None:
        raise OptionError("no voice was named; see: locutor voices list")
    return [Spoken(request, own)]
