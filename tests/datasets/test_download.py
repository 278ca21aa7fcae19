"""Downloads from a web server on this machine; the sites themselves are not asked."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from locutor.audio import io
from locutor.datasets import Watch, download
from locutor.errors import CancelledError, NotFoundError, OptionError
from locutor.types import Waveform

needs_yt_dlp = pytest.mark.skipif(find_spec("yt_dlp") is None, reason="the extra download is not installed")


class _Site(BaseHTTPRequestHandler):
    wav: bytes
    asked: list[str]

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/talk.wav")  # type: ignore[attr-defined]
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = self.path == "/talk.wav"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "audio/wav" if found else "text/plain")
        self.send_header("Content-Length", str(len(self.wav) if found else 0))
        self.end_headers()
        if found and self.command == "GET":
            self.wfile.write(self.wav)


@pytest.fixture
def site(voice: Waveform) -> Iterator[tuple[str, list[str]]]:
    """A URL, and the paths that were asked for."""
    asked: list[str] = []
    handler = type("Site", (_Site,), {"wav": io.encode(voice, "wav"), "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@needs_yt_dlp
def test_a_file_of_an_allowed_host(site: tuple[str, list[str]], tmp_path: Path, voice: Waveform) -> None:
    url, asked = site
    [one] = download([f"{url}/talk.wav"], tmp_path, hosts=["127.0.0.1"])
    assert one.error is None and len(one.files) == 1
    assert io.read(one.files[0]).n_samples == voice.n_samples
    n_asked = asked.count("/talk.wav")
    [again] = download([f"{url}/talk.wav"], tmp_path, hosts=["127.0.0.1"])
    assert again == one and asked.count("/talk.wav") - n_asked < n_asked


@needs_yt_dlp
def test_one_that_fails_does_not_stop_the_others(site: tuple[str, list[str]], tmp_path: Path) -> None:
    url, _ = site
    gone, there = download([f"{url}/gone.wav", f"{url}/talk.wav"], tmp_path, hosts=["127.0.0.1"])
    assert gone.files == () and "404" in str(gone.error) and "ERROR" not in str(gone.error)
    assert len(there.files) == 1


@needs_yt_dlp
def test_an_allowed_host_may_not_lead_elsewhere(site: tuple[str, list[str]], tmp_path: Path) -> None:
    url, _ = site
    [one] = download([f"{url}/away.wav"], tmp_path, hosts=["127.0.0.1"])
    assert one.files == () and "localhost" in str(one.error) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.mp3",
        "https://youtube.com.example.org/watch",
        "https://youtube.com@example.org/",
        "https://notyoutube.com/watch?v=a",
        "http://127.0.0.1/a.wav",
        "file:///etc/passwd",
        "a.wav",
        "",
    ],
)
def test_hosts_that_are_not_allowed(tmp_path: Path, url: str) -> None:
    with pytest.raises(OptionError, match="are not allowed; allowed hosts are youtube.com, "):
        download([url], tmp_path)


def test_only_https(tmp_path: Path) -> None:
    for url in ("http://www.youtube.com/watch?v=a", "ftp://youtu.be/a"):
        with pytest.raises(OptionError, match="https://"):
            download([url], tmp_path)


@needs_yt_dlp
def test_no_folder_and_no_patience(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no folder"):
        download(["https://youtu.be/a"], tmp_path / "none")
    with pytest.raises(CancelledError):
        download(["https://youtu.be/a"], tmp_path, watch=Watch(is_cancelled=lambda: True))
