"""Requests that are refused before anything looks at them: foreign Host, foreign Origin, too large, too many.

Host: a page of another site can make a browser call this machine under a name of its own (DNS rebinding); such a name
is not among ours. Origin: it can also make the browser send a form here; the browser then says where it comes from.
"""

import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from locutor.api.errors import error_response, retry_after

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MIB = 1 << 20
_MAX_JSON = 8 * _MIB
_MAX_PARTIES = 10_000


class HostGuard:
    """hosts: names by which the service is called, besides IP addresses, localhost and this machine's own name.

    Apart from Guard: it stands before CORS, whose answers to preflights no later one sees.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = {"localhost", socket.gethostname().lower(), *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else None
        if host is None or self._is_ours(host):
            await self._app(scope, receive, send)
            return
        detail = f"this service is not called {host!r}; its names are set by LOCUTOR_ALLOWED_HOSTS"
        await error_response(scope, 421, "HostError", detail)(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return name.lower() in self._hosts or _is_address(name.strip("[]"))


@dataclass(frozen=True, kw_only=True)
class GuardRules:
    """origins: foreign origins that may call it. max_upload: bytes of a body that carries files.

    per_minute: requests of one address, 0 for no limit.
    """

    origins: Collection[str]
    max_upload: int
    per_minute: int


class Guard:
    """Applies GuardRules."""

    def __init__(self, app: ASGIApp, rules: GuardRules) -> None:
        self._app, self._rules = app, rules
        self._buckets = Buckets(rules.per_minute) if rules.per_minute else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status, kind, detail, more = refusal
            await error_response(scope, status, kind, detail, more)(scope, receive, send)
            return
        await self._app(scope, limited(receive, self._limit(headers)), send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str, dict[str, str]] | None:
        if scope["method"] not in SAFE_METHODS and not self._may_change(scope, headers):
            return 403, "OriginError", "a page of another site may not change anything here", {}
        length, limit = headers.get("content-length", "0"), self._limit(headers)
        if not length.isdecimal() or len(length) > 18:
            return 400, "HeaderError", "Content-Length is not a number", {}
        if int(length) > limit:
            return 413, "TooLargeError", f"the body has {int(length)} bytes; at most {limit} are taken", {}
        wait_s = self._buckets.take(scope["client"][0] if scope.get("client") else "") if self._buckets else 0.0
        if wait_s > 0:
            detail = f"more than {self._rules.per_minute} requests in a minute; slow down"
            return 429, "RateLimitError", detail, retry_after(wait_s)
        return None

    def _may_change(self, scope: Scope, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:  # no browser, or one so old that it says nothing at all
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        return origin == f"{scope['scheme']}://{headers.get('host', '')}" or origin in self._rules.origins

    def _limit(self, headers: Headers) -> int:
        carries_files = headers.get("content-type", "").lower().startswith(("multipart/", "application/zip"))
        return self._rules.max_upload if carries_files else min(_MAX_JSON, self._rules.max_upload)


def limited(receive: Receive, limit: int) -> Receive:
    """Refuse a body that grows beyond the limit, whatever its header said."""
    n_bytes = 0

    async def receive_limited() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > limit:
            raise HTTPException(413, f"the body has more than {limit} bytes")
        return message

    return receive_limited


class Buckets:
    """A token bucket per address: a burst of a minute's worth, then a steady rate."""

    def __init__(self, per_minute: int) -> None:
        self._per_s, self._burst = per_minute / 60, float(per_minute)
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, party: str) -> float:
        """0 when the request may go on, else the seconds until it may be tried again."""
        at = time.monotonic()
        tokens, since = self._tokens.pop(party, (self._burst, at))
        tokens = min(self._burst, tokens + (at - since) * self._per_s)
        allowed = tokens >= 1
        self._tokens[party] = (tokens - 1 if allowed else tokens, at)
        if len(self._tokens) > _MAX_PARTIES:
            self._tokens.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_s


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
