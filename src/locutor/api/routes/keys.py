"""API keys, for whoever may do everything."""

from fastapi import APIRouter, Depends

from locutor.api.deps import Served, allow
from locutor.api.schemas.common import Id, refusals
from locutor.api.schemas.keys import KeyIn, KeyMade, KeyOut, Keys
from locutor.auth.scopes import Scope

router = APIRouter(prefix="/admin/keys", tags=["Administration"], dependencies=[Depends(allow(Scope.ADMIN))])


@router.get("", response_model=Keys, responses=refusals(), summary="API keys")
def every(served: Served) -> Keys:
    """Revoked ones too, oldest first."""
    return Keys(keys=[KeyOut.of(key) for key in served.keys.list()])


@router.post("", status_code=201, response_model=KeyMade, responses=refusals(507), summary="Make an API key")
def create(body: KeyIn, served: Served) -> KeyMade:
    """The key itself is in this answer only."""
    made, text = served.keys.create(body.name, body.scopes)
    return KeyMade(**KeyOut.of(made).model_dump(), key=text)


@router.delete("/{key_id}", response_model=KeyOut, responses=refusals(404, 507), summary="Revoke an API key")
def revoke(key_id: Id, served: Served) -> KeyOut:
    """It and the logins made with it are refused from now on."""
    return KeyOut.of(served.keys.revoke(key_id))
