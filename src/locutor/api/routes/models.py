"""Models that are known here: their terms, their size, and bringing them here."""

from fastapi import APIRouter, Depends

from locutor.api.deps import Served, allow
from locutor.api.schemas.common import Id, refusals
from locutor.api.schemas.jobs import JobOut
from locutor.api.schemas.models import ModelOut, ModelsOut, PullIn
from locutor.auth.scopes import Scope
from locutor.errors import ConflictError
from locutor.pulls import KIND

read = APIRouter(prefix="/models", tags=["Models"], dependencies=[Depends(allow(Scope.SPEAK))])
write = APIRouter(prefix="/models", tags=["Models"], dependencies=[Depends(allow(Scope.ADMIN))])


@read.get("", response_model=ModelsOut, responses=refusals(), summary="Models, installed or not")
def every(served: Served) -> ModelsOut:
    checkpoints = served.stores.checkpoints
    loaded = {state.model: state for state in served.speech.status().models}
    return ModelsOut(
        models=[
            ModelOut.of(card, checkpoints.is_installed(card.id), loaded.get(card.id))
            for card in checkpoints.cards().values()
        ]
    )


@write.post(
    "/{model_id}/pull",
    status_code=202,
    response_model=JobOut,
    responses=refusals(404, 409, 507),
    summary="Download a model",
)
def pull(model_id: Id, body: PullIn, served: Served) -> JobOut:
    """A job with progress; an interrupted download goes on where it stopped."""
    card = served.stores.checkpoints.card(model_id)
    if served.stores.checkpoints.is_installed(card.id):
        raise ConflictError(f"model {card.id!r} is installed already")
    params = {"model": card.id, "licence_accepted": body.accept_licence}
    return JobOut.of(served.stores.jobs.submit(KIND, params, ttl_s=served.job_ttl_s))
