"""The front door, presets and languages."""

from fastapi import APIRouter, Depends

from locutor import __version__
from locutor.api.deps import Served, allow
from locutor.api.schemas.common import refusals
from locutor.api.schemas.info import LanguageOut, LanguagesOut, PresetOut, PresetsOut, RootOut
from locutor.auth.scopes import Scope
from locutor.text.languages import LANGUAGES
from locutor.voices.store import PRESET

router = APIRouter(tags=["About"])

_EXAMPLES = {"en": "Good morning!", "pt-BR": "Bom dia!"}


@router.get("/", response_model=RootOut, responses=refusals(), summary="What this is")
def root(served: Served) -> RootOut:
    links = {"docs": "/docs", "openapi": "/openapi.json", "health": "/health", "speech": "/v1/audio/speech"}
    links |= {"jobs": "/jobs", "voices": "/voices", "metrics": "/metrics"}
    if served.settings.webui:
        links["webui"] = "/webui"
    return RootOut(name="Locutor", service="locutor", version=__version__, links=links)


@router.get(
    "/presets",
    response_model=PresetsOut,
    responses=refusals(),
    summary="Voices that come with Locutor",
    dependencies=[Depends(allow(Scope.SPEAK))],
)
def presets(served: Served) -> PresetsOut:
    found = [voice for voice in served.stores.voices.list() if voice.kind == PRESET]
    return PresetsOut(
        presets={
            v.id: PresetOut(
                id=v.id,
                name=v.name or v.id,
                language=v.language,
                licence=v.licence,
                audio_url=f"/voices/{v.id}/audio",
            )
            for v in found
        }
    )


@router.get(
    "/languages",
    response_model=LanguagesOut,
    responses=refusals(),
    summary="Languages",
    dependencies=[Depends(allow(Scope.SPEAK))],
)
def languages(served: Served) -> LanguagesOut:
    """Those that an installed model speaks."""
    checkpoints = served.stores.checkpoints
    cards = [card for card in checkpoints.cards().values() if checkpoints.is_installed(card.id)]
    details = [
        LanguageOut(
            code=language.tag,
            name=language.name,
            aliases=list(language.aliases),
            models=[card.id for card in cards if language.tag in card.languages],
            has_normalizer=language.has_normalizer,
        )
        for language in LANGUAGES.values()
    ]
    spoken = [language for language in details if language.models]
    codes = [language.code for language in spoken]
    examples = {code: _EXAMPLES[code] for code in codes if code in _EXAMPLES}
    return LanguagesOut(languages=codes, total=len(codes), examples=examples, details=spoken)
