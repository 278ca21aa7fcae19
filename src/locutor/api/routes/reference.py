"""The description of the service as a page: no script, nothing from elsewhere, readable without a network."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } details { border-top: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; } code { font-size: .95em; } .m { display: inline-block; width: 4.5em; font-weight: 600; }
table { border-collapse: collapse; margin: .5rem 0; } td, th { text-align: left; padding: .15rem 1rem .15rem 0; }
"""


@router.get("/docs", response_class=HTMLResponse)
def page(request: Request) -> HTMLResponse:
    return HTMLResponse(_page(request.app.openapi()), headers={"Content-Security-Policy": _POLICY})


def _page(described: dict[str, Any]) -> str:
    by_tag: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    parts = "".join(f"<h2>{escape(tag)}</h2>{''.join(shown)}" for tag, shown in by_tag.items())
    title = f"{escape(described['info']['title'])} {escape(described['info']['version'])}"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>{escape(described['info']['description'])} The same for programs: "
        f"<a href='/openapi.json'>openapi.json</a>.</p>{parts}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    more = escape(operation.get("description", ""))
    return (
        f"<details><summary><span class='m'>{method.upper()}</span> <code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>{f'<p>{more}</p>' if more else ''}"
        f"{_table('Parameters', _parameters(operation))}{_table('Body', _body(operation))}"
        f"{_table('Answers', [(s, r['description']) for s, r in sorted(operation['responses'].items())])}</details>"
    )


def _parameters(operation: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{p['name']} ({p['in']}{', required' if p.get('required') else ''})", p.get("description", ""))
        for p in operation.get("parameters", [])
    ]


def _body(operation: dict[str, Any]) -> list[tuple[str, str]]:
    content = operation.get("requestBody", {}).get("content", {})
    return [(kind, str(shape["schema"].get("$ref", "")).rsplit("/", 1)[-1]) for kind, shape in content.items()]


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<tr><td><code>{escape(a)}</code></td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table><tr><th>{title}</th><th></th></tr>{cells}</table>"
