"""Logging a page in and out: players, EventSource and downloads of a page send no header, but they send cookies."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from locutor.api.deps import COOKIE, Context, Served, browser_session
from locutor.api.errors import ApiError
from locutor.api.schemas.auth import LoginIn, SessionOut
from locutor.api.schemas.common import Message, iso, refusals
from locutor.auth.scopes import LOCAL, Scope
from locutor.auth.sessions import BrowserSession

router = APIRouter(prefix="/auth", tags=["Login"])


@router.post("/login", response_model=SessionOut, responses=refusals(), summary="Log a page in with an API key")
def login(body: LoginIn, request: Request, response: Response, served: Served) -> SessionOut:
    """The answer sets an HttpOnly cookie and shows the token that changing requests must repeat."""
    if not served.needs_key:
        return _shown(served, None)
    session = served.sessions.open(body.key)
    if session is None:
        raise ApiError(401, "AuthError", "the API key is unknown, revoked or over")
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=round(3600 * served.settings.session_hours),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="strict",
    )
    return _shown(served, session)


@router.post("/logout", response_model=Message, responses=refusals(), summary="Log a page out")
def logout(request: Request, response: Response, served: Served) -> Message:
    if token := request.cookies.get(COOKIE):
        served.sessions.close(token)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return Message(message="logged out")


@router.get("/session", response_model=SessionOut, responses=refusals(), summary="Who this page is")
def session(served: Served, found: Annotated[BrowserSession | None, Depends(browser_session)]) -> SessionOut:
    return _shown(served, found)


def _shown(served: Context, session: BrowserSession | None) -> SessionOut:
    if not served.needs_key:
        return SessionOut(authenticated=True, key_required=False, scopes=sorted(LOCAL.scopes))
    if session is None:
        return SessionOut(authenticated=False, key_required=True, scopes=[])
    return SessionOut(
        authenticated=True,
        key_required=True,
        scopes=[scope for scope in Scope if session.caller.may(scope)],
        csrf_token=session.csrf_token,
        expires_at=iso(session.expires_at),
    )
