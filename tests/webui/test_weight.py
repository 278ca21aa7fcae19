"""What the studio's first page weighs on a service with a long history: its files, and all that its scripts ask for."""

import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from starlette.testclient import TestClient

from locutor.api.app import create_app, limits_of
from locutor.bootstrap import speech_backend
from locutor.i18n import LANGUAGES
from locutor.settings import load_settings
from locutor.webui.assets import assets

FIRST_PAGE_BYTES = 150_000
HEAD_BYTES = 300  # what browsers count for the head of an answer
N_JOBS, N_VOICES, N_VOICES_IN_VIEW = 300, 200, 8
SCRIPTS = ("js/lib/api.js", "js/pages/studio.js", "js/elements/status-bar.js")


@pytest.fixture(scope="module")
def full(benchmark: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service with a library of voices and hundreds of takes; its answers are counted, not unpacked."""
    data_dir = tmp_path_factory.mktemp("full")
    benchmark.write_long_lists(data_dir, N_JOBS, 0, N_VOICES)
    settings = load_settings(data_dir=data_dir, requests_per_minute=0)
    app = create_app(settings, lambda s, metrics: speech_backend(s, limits_of(s), in_process=True, metrics=metrics))
    with TestClient(app, base_url="http://127.0.0.1:8005") as client:
        client.headers["accept-encoding"] = "gzip, deflate, br, zstd"
        yield client


def weight(client: TestClient, address: str) -> int:
    with client.stream("GET", address) as answer:
        assert answer.status_code == 200, address
        return HEAD_BYTES + sum(len(piece) for piece in answer.iter_raw())


def asked_at_first() -> set[str]:
    """Addresses that stand in the scripts of the first page as they are, and that of the list of takes."""
    texts = [assets().files[path].data.decode() for path in SCRIPTS]
    n_takes = re.search(r"const PAGE = (\d+);", texts[1])
    assert n_takes is not None
    addresses = {address for text in texts for address in re.findall(r'\bget\("(/[^"]+)"', text)}
    assert {"/auth/session", "/voices?limit=1000", "/health/engines", "/v1/models"} <= addresses
    return addresses | {f"/jobs?kind=synthesize&limit={n_takes[1]}&offset=0"}


def in_view(client: TestClient) -> list[str]:
    """Addresses of the waveforms that are seen without scrolling, and some that are not."""
    takes = client.get("/jobs", params={"kind": "synthesize", "limit": 12}).json()["jobs"]
    voices = client.get("/voices", params={"limit": N_VOICES_IN_VIEW}).json()["voices"]
    assert all(take["audio_url"] for take in takes) and len(voices) == N_VOICES_IN_VIEW
    return [f"/jobs/{take['id']}/peaks?n=120" for take in takes] + [
        f"/voices/{voice['id']}/peaks?n=120" for voice in voices
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_is_light_on_a_service_with_a_history(full: TestClient, language: str) -> None:
    full.headers["accept-language"] = language
    page = full.get("/webui").text
    files = set(re.findall(r'(?:href|src)="(/webui/static/[^"#]+)', page))
    assert len(files) >= 20, "the page names all its scripts"
    words = re.findall(r'data-words="([^"]+)"', page) if language != "en" else []
    weights = {
        address: weight(full, address) for address in ["/webui", *files, *words, *asked_at_first(), *in_view(full)]
    }
    heaviest = sorted(weights.items(), key=lambda entry: -entry[1])[:5]
    events = HEAD_BYTES + len("retry: 2000\n\n")
    assert sum(weights.values()) + events <= FIRST_PAGE_BYTES, heaviest


def test_lists_and_pages_go_packed_and_sound_does_not(full: TestClient) -> None:
    """A stream of sound would otherwise wait for enough of it to pack."""
    for address in ("/webui", "/voices?limit=1000", "/openapi.json"):
        packed = full.get(address)
        assert packed.headers["content-encoding"] == "gzip" and "accept-encoding" in packed.headers["vary"].lower()
        plain = full.get(address, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers and len(plain.content) > 3 * int(
            packed.headers["content-length"]
        )
    with full.stream("GET", "/voices/default/audio") as sound:
        assert "content-encoding" not in sound.headers
    with full.stream("GET", "/jobs/events", params={"timeout": 0}) as events:
        assert "content-encoding" not in events.headers
