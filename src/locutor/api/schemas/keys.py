"""API keys as an administrator sees them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.common import iso
from locutor.auth.keys import ApiKey
from locutor.auth.scopes import Scope


class KeyIn(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80, examples=["kitchen tablet"])]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4, examples=[["speak"]])]


class KeyOut(BaseModel):
    """What may be shown of a key."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyOut":
        times = ("created_at", "expires_at", "last_used_at", "revoked_at")
        return cls(
            id=key.id, name=key.name, scopes=sorted(key.scopes), **{name: iso(getattr(key, name)) for name in times}
        )


class KeyMade(KeyOut):
    """A new key with its text."""

    key: str = Field(examples=["loc_0123456789ab_..."])


class Keys(BaseModel):
    """What GET /admin/keys answers."""

    keys: list[KeyOut]
