"""From the names in a request to what they stand for: model, voice, language, options of a quality profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locutor.api.deps import Context
from locutor.engines.card import ModelCard
from locutor.errors import NotFoundError, OptionError, TextError
from locutor.profiles.profile import QualityProfile
from locutor.text.languages import parse_language
from locutor.types import SynthesisOptions
from locutor.voices.store import PRESET, Voice

PLAIN = "plain"
ENGINE_ALIASES = {"f5tts": "f5", "f5-tts": "f5", "xtts-v2": "xtts"}
MODEL_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
VOICE_ALIASES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a request comes down to. profile: id of the quality profile that filled in the options."""

    card: ModelCard
    voice: Voice
    language: str
    profile: str
    options: SynthesisOptions


def choose(
    served: Context,
    *,
    model: str | None,
    voice: str,
    language: str | None,
    profile: str | None,
    parameters: Mapping[str, Any],
) -> Choice:
    """Raises NotFoundError for an unknown model, voice or profile, OptionError for an unknown language or a profile of
    another engine."""
    card = choose_model(served, model)
    chosen = choose_profile(served, card, profile)
    return Choice(
        card=card,
        voice=choose_voice(served, voice),
        language=parse_language(language or served.settings.lang),
        profile=chosen.id,
        options=chosen.options(**parameters),
    )


def choose_model(served: Context, model: str | None) -> ModelCard:
    """A model by id; none, or one of OpenAI's names, stands for the service's own."""
    wanted = served.settings.model if model is None or model in MODEL_ALIASES else model
    return served.stores.checkpoints.card(wanted)


def choose_engine(served: Context, engine: str) -> ModelCard:
    """The service's own model if it is of that engine, else the first installed one that is."""
    name, checkpoints = known_engine(served, engine), served.stores.checkpoints
    for card in (checkpoints.card(served.settings.model), *checkpoints.cards().values()):
        if card.engine == name and checkpoints.is_installed(card.id):
            return card
    raise NotFoundError(f"no model of engine {name!r} is installed; see: locutor models list")


def known_engine(served: Context, engine: str) -> str:
    """An engine's name as it is written here; OptionError lists the engines of all models."""
    name = ENGINE_ALIASES.get(engine.lower(), engine.lower())
    engines = sorted({card.engine for card in served.stores.checkpoints.cards().values() if card.languages})
    if name not in engines:
        raise OptionError(f"an engine must be one of {', '.join(engines)}, not {engine!r}")
    return name


def choose_profile(served: Context, card: ModelCard, profile: str | None) -> QualityProfile:
    """The profile of that id, or by name of the model's engine (fast, balanced, ...); none stands for the default.

    "plain" is no profile: the model's own defaults."""
    if profile is None:
        return served.stores.profiles.default(card.engine)
    if profile == PLAIN:
        return QualityProfile(id=PLAIN, engine=card.engine, name="Plain", parameters={}, is_builtin=True)
    for named in served.stores.profiles.list(card.engine):
        if profile.lower() in (named.name.lower(), named.name.lower().replace(" ", "_")):
            return named
    found = served.stores.profiles.get(profile)
    if found.engine != card.engine:
        raise OptionError(
            f"quality profile {profile!r} is for engine {found.engine!r}; model {card.id!r} is {card.engine!r}"
        )
    return found


def choose_voice(served: Context, voice: str) -> Voice:
    """A voice by id or name, else by one of OpenAI's names, which stand for the presets in turn."""
    try:
        return served.stores.voices.get(voice)
    except NotFoundError:
        if voice not in VOICE_ALIASES:
            raise
    return aliased(served)[voice]


def aliased(served: Context) -> dict[str, Voice]:
    """OpenAI's names and the presets they stand for."""
    presets = [v for v in served.stores.voices.list() if v.kind == PRESET]
    return {alias: presets[i % len(presets)] for i, alias in enumerate(VOICE_ALIASES)}


def check_length(served: Context, text: str) -> str:
    """Raises TextError for a text that is longer than the service takes."""
    limit = served.settings.max_text_chars
    if len(text) > limit:
        raise TextError(f"the text has {len(text)} characters; this service takes at most {limit}")
    return text
