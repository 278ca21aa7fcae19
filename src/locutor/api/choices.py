"""From the names in a request to what they stand for here: models, engines, orders."""

from collections.abc import Mapping
from typing import Any

from locutor.api.deps import Context
from locutor.engines.card import ModelCard
from locutor.errors import NotFoundError, OptionError
from locutor.orders import SpeechOrder
from locutor.tasks import check_length

ENGINE_ALIASES = {"f5tts": "f5", "f5-tts": "f5", "xtts-v2": "xtts"}
MODEL_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")


def named_model(served: Context, model: str | None) -> str:
    """The model that is meant, known or not: none, or one of OpenAI's names, stands for the service's own."""
    return served.settings.model if model is None or model in MODEL_ALIASES else model


def choose_model(served: Context, model: str | None) -> str:
    """The id of the model that is meant; NotFoundError for an unknown one."""
    return served.stores.checkpoints.card(named_model(served, model)).id


def speaking_cards(served: Context) -> list[ModelCard]:
    """Cards of models that speak, installed or not; vocoders have none of the languages."""
    return [card for card in served.stores.checkpoints.cards().values() if card.languages]


def known_engine(served: Context, engine: str) -> str:
    """An engine's name as it is written here; OptionError lists the engines of all models."""
    name = ENGINE_ALIASES.get(engine.lower(), engine.lower())
    engines = sorted({card.engine for card in speaking_cards(served)})
    if name not in engines:
        raise OptionError(f"an engine must be one of {', '.join(engines)}, not {engine!r}")
    return name


def choose_engine(served: Context, engine: str) -> str:
    """The service's own model if it is of that engine, else the first installed one that is."""
    name, checkpoints = known_engine(served, engine), served.stores.checkpoints
    for card in (checkpoints.card(served.settings.model), *speaking_cards(served)):
        if card.engine == name and checkpoints.is_installed(card.id):
            return card.id
    raise NotFoundError(f"no model of engine {name!r} is installed; see: locutor models list")


def order_of(
    served: Context,
    text: str,
    *,
    voice: str | None,
    language: str | None,
    model: str | None,
    profile: str | None,
    parameters: Mapping[str, Any],
    normalize: bool = True,
) -> SpeechOrder:
    """An order with the service's own model and language where the request names none; parameters that are None are
    left to the profile. Raises TextError for a text that is too long, NotFoundError for an unknown model."""
    check_length(text, served.settings.max_text_chars)
    return SpeechOrder(
        text=text,
        language=language or served.settings.lang,
        voice=voice,
        model=choose_model(served, model),
        profile=profile,
        options={name: value for name, value in parameters.items() if value is not None},
        normalize=normalize,
    )
