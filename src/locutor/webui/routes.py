"""The studio's addresses: pages, their files, and the words of a language. No data: pages fetch it from the API."""

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from locutor.i18n import choose_language
from locutor.webui.assets import Asset, assets, words
from locutor.webui.pages import BY_NAME, PAGES
from locutor.webui.render import render

ROOT = "/webui"
LANGUAGE_COOKIE = "locutor_lang"
_FOREVER = "public, max-age=31536000, immutable"


def studio_routes(version: str) -> list[BaseRoute]:
    """Routes to add to an app that also serves the API."""

    def page(request: Request) -> Response:
        return _page(request, version)

    return [
        Route("/favicon.ico", _favicon),
        Route(ROOT, page, name="webui"),
        Route(f"{ROOT}/", _home),
        Route(f"{ROOT}/index.html", _home),
        Route(f"{ROOT}/static/{{digest}}/{{path:path}}", _static, name="webui_static"),
        Route(f"{ROOT}/words/{{digest}}/{{language}}.json", _words, name="webui_words"),
        Route(f"{ROOT}/{{name}}", page, name="webui_page"),
    ]


def language_of(request: Request) -> str:
    """As chosen on the page, else as the browser prefers."""
    return choose_language([request.cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("accept-language", "")])


def _home(request: Request) -> Response:
    return RedirectResponse(ROOT, status_code=308)


def _page(request: Request, version: str) -> Response:
    name = request.path_params.get("name", PAGES[0].name)
    if name not in BY_NAME:
        return Response("there is no such page; see /webui\n", 404, media_type="text/plain")
    language, nonce = language_of(request), secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": _policy(nonce),
        "Cache-Control": "no-store",
        "Content-Language": language,
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "X-Frame-Options": "DENY",
        "Vary": "Accept-Language, Cookie",
    }
    return Response(render(BY_NAME[name], language, version).replace("NONCE", nonce), 200, headers, "text/html")


def _policy(nonce: str) -> str:
    """Everything from here; the nonce is for the style sheet inside the waveform's shadow tree."""
    return (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        f"style-src 'self' 'nonce-{nonce}'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
    )


def _static(request: Request) -> Response:
    wanted = assets()
    return _kept(request, wanted.digest, wanted.files.get(request.path_params["path"]))


def _favicon(request: Request) -> Response:
    """Browsers ask for it beside answers that are no pages of the studio."""
    logo = assets().files["logo.svg"]
    return Response(logo.data, 200, {"Cache-Control": "public, max-age=86400"}, logo.media_type)


def _words(request: Request) -> Response:
    wanted = words()
    return _kept(request, wanted.digest, wanted.files.get(request.path_params["language"]))


def _kept(request: Request, digest: str, found: Asset | None) -> Response:
    """A file under the digest of its kin, gzipped for those who take that."""
    if found is None or request.path_params["digest"] != digest:
        return Response("there is no such file\n", 404, media_type="text/plain")
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    if found.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.gzipped, 200, headers | {"Content-Encoding": "gzip"}, found.media_type)
    return Response(found.data, 200, headers, found.media_type)
