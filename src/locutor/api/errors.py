"""Every error of the service as a status and a body: one sentence, never a traceback.

The body is `{"error": kind, "detail": sentence, "request_id": id, "path": path}`; under /v1, where OpenAI's clients
call, it is `{"error": {"message", "type", "param", "code"}}`.
"""

import math
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Scope as AsgiScope

from locutor import errors
from locutor.i18n import choose_language, translate

STATUSES: dict[type[errors.LocutorError], int] = {
    errors.AudioError: 422,
    errors.TextError: 422,
    errors.OptionError: 400,
    errors.NotFoundError: 404,
    errors.CheckpointError: 500,
    errors.EngineError: 503,
    errors.QueueFullError: 429,
    errors.RequestTimeoutError: 504,
    errors.WorkerError: 503,
    errors.WorkerDownError: 503,
    errors.CancelledError: 409,
    errors.ConflictError: 409,
    errors.ServiceError: 502,
    errors.StorageError: 507,
    errors.MissingExtraError: 400,
}
_REFUSED = 503  # what of these is nobody's fault may be tried again
_log = structlog.get_logger("locutor.api")


class ErrorBody(BaseModel):
    """What went wrong."""

    error: str = Field(examples=["NotFoundError"])
    detail: str = Field(examples=["there is no job 'job_0'"])
    request_id: str = Field(examples=["4f0c8c2a9d1e4b7b"])
    path: str = Field(examples=["/jobs/job_0"])


class OpenAIErrorDetail(BaseModel):
    """OpenAI's form of an error."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class OpenAIError(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    error: OpenAIErrorDetail


class ApiError(Exception):
    """A refusal that belongs to HTTP alone: not allowed, not yet, too large."""

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers or {}


def status_of(error: errors.LocutorError) -> int:
    """The status of the nearest class in the tree; 500 for the bare root."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def error_response(
    scope: AsgiScope, status: int, kind: str, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error in the form of the path that was asked, in the language that the client prefers."""
    path, detail = str(scope["path"]), translate(detail, _language(scope))
    if path.startswith("/v1/"):
        body: dict[str, Any] = {"error": {"message": detail, "type": kind, "param": None, "code": None}}
    else:
        request_id = str(scope.get("state", {}).get("request_id", ""))
        body = {"error": kind, "detail": detail, "request_id": request_id, "path": path}
    return JSONResponse(body, status, headers)


def _language(scope: AsgiScope) -> str:
    """As chosen on the page (a cookie), else as Accept-Language says."""
    connection = HTTPConnection(scope)
    return choose_language([connection.cookies.get("locutor_lang", ""), connection.headers.get("accept-language", "")])


def retry_after(seconds: float) -> dict[str, str]:
    """The header in whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def add_error_handlers(app: FastAPI) -> None:
    """Teach the app the forms above."""
    app.add_exception_handler(errors.LocutorError, _locutor)
    app.add_exception_handler(ApiError, _api)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


async def _locutor(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.LocutorError)
    status = status_of(error)
    headers = {}
    if isinstance(error, errors.QueueFullError):
        headers = retry_after(error.retry_after_s)
    elif status == _REFUSED:
        headers = retry_after(5)
    if status >= 500:
        _log.error("refused", error=type(error).__name__, detail=str(error))
    return error_response(request.scope, status, type(error).__name__, str(error), headers)


async def _api(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error_response(request.scope, error.status, error.kind, error.detail, error.headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(map(str, p['loc'][1:])) or p['loc'][0]}: {p['msg']}" for p in error.errors()]
    return error_response(request.scope, 422, "ValidationError", "; ".join(problems))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return error_response(request.scope, error.status_code, "HTTPError", str(error.detail), headers)
