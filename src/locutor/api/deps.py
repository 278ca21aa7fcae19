"""What routes are handed: the stores and the speech backend, and a caller who may do what the route does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry

from locutor.api.errors import ApiError
from locutor.api.middleware.guard import SAFE_METHODS
from locutor.auth.keys import KeyStore
from locutor.auth.scopes import LOCAL, Caller, Scope
from locutor.auth.sessions import BrowserSession, SessionStore, is_csrf_token
from locutor.bootstrap import Stores
from locutor.jobs.runner import JobRunner
from locutor.serving.backend import SpeechBackend
from locutor.settings import Settings

COOKIE = "locutor_session"
CSRF_HEADER = "X-CSRF-Token"

_bearer = HTTPBearer(auto_error=False, description="An API key of `locutor keys create`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="A login of POST /auth/login.")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an app serves. needs_key: callers must show a key or a login. limiter: threads that wait for speech."""

    settings: Settings
    stores: Stores
    speech: SpeechBackend
    runner: JobRunner
    registry: CollectorRegistry
    started_at: float
    keys: KeyStore
    sessions: SessionStore
    needs_key: bool
    limiter: CapacityLimiter

    @property
    def job_ttl_s(self) -> float:
        """How long a job is kept after its end."""
        return 3600 * self.settings.job_ttl_hours


async def context(request: Request) -> Context:
    """Asynchronous like the next ones: what never waits needs no thread, and each hop to one costs a call time."""
    found: Context = request.app.state.context
    return found


def browser_session(request: Request, served: Annotated[Context, Depends(context)]) -> BrowserSession | None:
    """The login that the request's cookie belongs to."""
    token = request.cookies.get(COOKIE)
    return served.sessions.find(token) if token else None


async def caller(
    request: Request,
    served: Annotated[Context, Depends(context)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    key: Annotated[str | None, Security(_header)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> Caller:
    """Who sent the request. A key that is shown is checked even where none is needed, unless it cannot be one of ours:
    OpenAI's clients always send something."""
    if not served.needs_key:
        return LOCAL
    shown = bearer.credentials if bearer else key
    if shown is not None:
        return _known(await run_sync(served.keys.caller, shown))
    if cookie is None:
        raise ApiError(401, "AuthError", "an API key is required", {"WWW-Authenticate": "Bearer"})
    session = await run_sync(served.sessions.find, cookie)
    if session is not None and request.method not in SAFE_METHODS:
        _check_csrf(request, session)
    return _known(session.caller if session else None)


def _known(found: Caller | None) -> Caller:
    if found is None:
        raise ApiError(
            401, "AuthError", "the API key or login is unknown, revoked or over", {"WWW-Authenticate": "Bearer"}
        )
    return found


def _check_csrf(request: Request, session: BrowserSession) -> None:
    if not is_csrf_token(session.token, request.headers.get(CSRF_HEADER, "")):
        raise ApiError(403, "CsrfError", f"a change by a logged-in page must repeat its token in {CSRF_HEADER}")


def allow(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets only callers with this scope pass."""

    async def allowed(found: Annotated[Caller, Depends(caller)]) -> Caller:
        check_scope(found, scope)
        return found

    return allowed


def check_scope(found: Caller, scope: Scope) -> None:
    """403 for a caller who lacks the scope."""
    if not found.may(scope):
        raise ApiError(403, "ScopeError", f"this key does not have the scope {scope.value!r}")


Served: TypeAlias = Annotated[Context, Depends(context)]
