"""An id, a log line and a count for every request, and the last net under it."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from locutor.api.errors import error_response
from locutor.api.metrics import HttpMetrics

HEADER = "X-Request-ID"
_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("locutor.access")


class Activity:
    """Whether anybody needs the service: requests under way, and when the last one ended."""

    def __init__(self) -> None:
        self._n_open, self._last = 0, time.monotonic()

    def __enter__(self) -> None:
        self._n_open += 1

    def __exit__(self, *_: object) -> None:
        self._n_open -= 1
        self._last = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since the last request ended, 0 while one is under way."""
        return 0.0 if self._n_open else time.monotonic() - self._last


class Trace:
    """Gives back the caller's X-Request-ID where it is fit for a header and a log, else an id of its own."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, activity: Activity, secure: bool) -> None:
        self._app, self._metrics, self._activity, self._secure = app, metrics, activity, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _USABLE.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status, start = 0, time.perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._mark(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            with self._activity:
                await self._app(scope, receive, send_marked)
        except Exception:  # the HTTP edge: whatever gets here is our bug
            _log.exception("failed", method=scope["method"], path=scope["path"])
            if status:  # the answer has begun; cutting it short is all that is left
                raise
            answer = error_response(scope, 500, "InternalError", f"unexpected error; the log knows it as {request_id}")
            await answer(scope, receive, send_marked)
        finally:
            self._tell(scope, status, time.perf_counter() - start)
            structlog.contextvars.unbind_contextvars("request_id")

    def _mark(self, headers: MutableHeaders, request_id: str) -> None:
        headers[HEADER] = request_id
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if self._secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"

    def _tell(self, scope: Scope, status: int, elapsed_s: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self._metrics.count(scope["method"], route, status, elapsed_s)
        _log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            elapsed_ms=round(1000 * elapsed_s, 1),
        )
