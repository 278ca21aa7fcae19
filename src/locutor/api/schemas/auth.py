"""Logging a page in."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from locutor.auth.scopes import Scope


class LoginIn(BaseModel):
    """An API key, in exchange for a cookie."""

    key: Annotated[str, Field(min_length=1, max_length=200, examples=["loc_0123456789ab_..."])]


class SessionOut(BaseModel):
    """Who the page is. csrf_token: what changing requests must send as X-CSRF-Token; null where no key is needed."""

    authenticated: bool
    key_required: bool
    scopes: list[Scope]
    csrf_token: str | None = None
    expires_at: datetime | None = None
