"""What the browser is sent: no data, nothing inline, nothing from elsewhere, little of it."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from locutor.i18n import LANGUAGES
from locutor.webui.assets import assets
from locutor.webui.pages import BY_NAME, PAGES
from locutor.webui.routes import studio_routes

STATIC = Path(__file__).parents[2] / "src" / "locutor" / "webui" / "static"
FIRST_PAGE_BYTES = 150_000
SCRIPTS = sorted(path for path in (STATIC / "js").rglob("*.js"))


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=studio_routes("1.2.3")), follow_redirects=False)


class Reader(HTMLParser):
    """Elements with their attributes, and the text inside of scripts and style sheets."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", BY_NAME)
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(client: TestClient, name: str, language: str) -> None:
    answer = client.get(f"/webui/{name}", headers={"accept-language": language})
    page = Reader(answer.text)
    assert answer.headers["content-language"] == language and f'lang="{language}"' in answer.text
    assert page.inline == []
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        for address in (attributes.get("src"), attributes.get("href")):
            assert address is None or address.startswith(("/", "#")), address
            if address is not None and address.startswith("/webui/static/"):
                assert client.get(address.partition("#")[0]).status_code == 200, address


def test_the_policy_lets_nothing_in(client: TestClient) -> None:
    first, second = (client.get("/webui").headers["content-security-policy"] for _ in range(2))
    assert "default-src 'none'" in first and "script-src 'self';" in first and "unsafe" not in first
    assert first != second, "the nonce is new each time"


def test_front_doors(client: TestClient) -> None:
    assert client.get("/webui").status_code == 200
    assert client.get("/webui/index.html").headers["location"] == "/webui"
    assert client.get("/webui/nowhere").status_code == 404
    assert client.get("/webui/../secret").status_code == 404


def test_files_are_kept_for_good_and_change_their_address_when_they_change(client: TestClient) -> None:
    base = f"/webui/static/{assets().digest}"
    packed = client.get(f"{base}/css/base.css", headers={"accept-encoding": "gzip"})
    assert "immutable" in packed.headers["cache-control"] and packed.headers["content-encoding"] == "gzip"
    assert client.get(f"{base}/css/base.css", headers={"accept-encoding": ""}).content == packed.content
    assert client.get("/webui/static/000000000000/css/base.css").status_code == 404
    assert client.get(f"{base}/%2e%2e/routes.py").status_code == 404


def test_the_language_is_that_of_the_cookie_first(client: TestClient) -> None:
    answer = client.get("/webui", headers={"accept-language": "en", "cookie": "locutor_lang=pt-BR"})
    assert "Estúdio" in answer.text


def test_words_of_a_language(client: TestClient) -> None:
    address = re.search(r'data-words="([^"]+)"', client.get("/webui", headers={"accept-language": "pt"}).text)
    assert address is not None
    assert client.get(address[1]).json()["Studio"] == "Estúdio"
    assert client.get(address[1].replace("pt-BR", "xx")).status_code == 404


def test_the_first_page_is_light(client: TestClient) -> None:
    """Everything that the studio loads before a waveform is played, as it goes over the wire."""
    loaded, waiting = set[str](), ["js/app.js", "js/pages/studio.js", "js/elements/status-bar.js", "vendor/htmx.min.js"]
    waiting += [f"css/{name}.css" for name in ("base", "controls", "frame", "pages")] + ["vendor/lucide.svg"]
    while waiting:
        path = waiting.pop()
        loaded.add(path)
        for found in re.findall(r'(?:from|import) "(\.[^"]+)"', assets().files[path].data.decode()):
            place = str((Path("/") / path).parent.joinpath(found).resolve()).lstrip("/")
            if place not in loaded and "vendor" not in place:
                waiting.append(place)
    sizes = [len(file.gzipped or file.data) for file in (assets().files[path] for path in loaded)]
    page = len(client.get("/webui").content)
    assert page + sum(sizes) <= FIRST_PAGE_BYTES, (page, sum(sizes))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_never_read_data_as_html(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "setTimeout('",
    ):
        assert sink not in text
    assert len(text.splitlines()) <= 400


def test_vendored_files_are_the_published_ones() -> None:
    listed = json.loads((STATIC / "vendor" / "vendor.json").read_text(encoding="utf-8"))
    files = {path.name for path in (STATIC / "vendor").iterdir() if path.suffix in (".js", ".css", ".svg")}
    assert files == {entry["file"] for entry in listed}
    for entry in listed:
        data = (STATIC / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["file"]
        assert (STATIC / "vendor" / entry["licence_file"]).is_file()


def test_shortcuts_are_one_letter_each() -> None:
    assert len({page.key for page in PAGES}) == len(PAGES)
